"""What is in somebody's pictures, before anything is trained: a report, a contact sheet, the command to train."""
