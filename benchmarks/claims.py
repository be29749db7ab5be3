"""What results/claims/ shows, from the runs of the claims' sweeps: a picture and a table for each, one table of all.

    for name in batch_norm dropout ...; do
        python -m dcgan_tf sweep notebooks/claims/one_run.ipynb --from notebooks/claims/$name.yaml \\
            --results-dir results/claims/runs/$name --jobs 2; done
    python benchmarks/claims.py                    # writes NAME.png, NAME.csv and verdicts.csv into results/claims
"""

import io
import sys
from pathlib import Path

import click
import pandas as pd
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dcgan_tf.sweeps.claims.claim import examine, read_claim, read_table, verdict
from dcgan_tf.sweeps.claims.report import claim_picture, effects_frame
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import write_bytes, write_text

ROOT = Path(__file__).resolve().parents[1]
COLOURS = 128  # of a picture: a third of the bytes, and no difference that an eye would see
LEFT_OUT = ["protocol", "error"]  # long, and the same in every row


@click.command()
@click.option("--runs", default=ROOT / "results" / "claims" / "runs", type=click.Path(path_type=Path))
@click.option("--output", default=ROOT / "results" / "claims", type=click.Path(path_type=Path))
def main(runs, output):
    output.mkdir(parents=True, exist_ok=True)
    frames = []
    for file in sorted((ROOT / "notebooks" / "claims").glob("*.yaml")):
        claim, folder = read_claim(file), runs / file.stem
        try:
            table = read_table(folder)
            found = examine(claim, table)
        except UserError as error:
            click.echo(f"left out: {file.stem} ({error})")
            continue
        picture = io.BytesIO()
        drawn = Image.open(io.BytesIO(claim_picture(claim, found, table, folder).png(72))).convert("RGB")
        drawn.quantize(COLOURS).save(picture, format="PNG", optimize=True)
        write_bytes(output / f"{file.stem}.png", picture.getvalue())
        short = table.drop(columns=[name for name in LEFT_OUT if name in table])
        write_text(output / f"{file.stem}.csv", short.to_csv(index=False))
        said = verdict(found)
        frames.append(effects_frame(found).assign(claim=file.stem, verdict=said))
        click.echo(f"{file.stem}: {said}\n{effects_frame(found).to_string()}")
    if frames:
        whole = pd.concat(frames)
        whole = whole[["claim", "verdict", *whole.columns[:-2]]].astype(str)
        path = output / "verdicts.csv"
        if path.exists():  # of claims whose runs are not here, what was found before stays
            old = pd.read_csv(path, dtype=str, keep_default_na=False)
            whole = pd.concat([old[~old["claim"].isin(whole["claim"])], whole])
        write_text(path, whole.sort_values("claim", kind="stable").to_csv(index=False))


if __name__ == "__main__":
    main()
