"""Looking at the page of a generator in a browser: its pictures, its sliders."""

import json

import numpy as np

READY = "document.body.dataset.state === 'ready' && detailTimer === undefined"


def pixels(page, selector):
    """The image of a canvas, uint8 [H, W, 3]."""
    script = f"""(() => {{
        const canvas = document.querySelector({json.dumps(selector)});
        const {{width, height}} = canvas;
        return [height, width, [...canvas.getContext('2d').getImageData(0, 0, width, height).data]];
    }})()"""
    height, width, values = page.evaluate(script)
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def slide(page, selector, value):
    script = (
        f"e = document.querySelector({json.dumps(selector)}); e.value = {value}; e.dispatchEvent(new Event('input'))"
    )
    page.evaluate(f"{{ let {script}; }}")
    page.wait_for(READY, 30)


def assert_same_image(one, other):
    assert one.shape == other.shape and one.std() > 5  # not one colour, which would be like any other
    assert np.abs(one.astype(int) - other).max() <= 1
