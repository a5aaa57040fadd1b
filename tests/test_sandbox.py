from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from lookalike import images, sandbox
from lookalike.errors import LookalikeError, PictureError
from lookalike.images import Limits
from lookalike.sandbox import Decoder, Sandbox

SOURCE = Path(sandbox.__file__).resolve().parents[1]


def picture(colour: str = "teal", form: str = "PNG", side: int = 40, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, form, **options)
    return buffer.getvalue()


def endless(side: int = 4000, scans: int = 4000) -> bytes:
    """A progressive JPEG whose last pass is repeated thousands of times: half a megabyte that
    takes a minute."""
    data = picture(form="JPEG", side=side, progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def reason(decoder: Sandbox | Decoder, data: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        decoder.decode(data, min_side=224)
    return caught.value.reason


def pid(box: Sandbox) -> int:
    assert box._helper is not None
    return box._helper.pid


def wait_until_gone(process: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(timeout=30)


def kill_when_busy(process: int) -> None:
    """Kill a helper once it works: it takes processor time then, and none while it waits."""
    helper = psutil.Process(process)
    idle = sum(helper.cpu_times()[:2])
    while sum(helper.cpu_times()[:2]) < idle + 0.2:
        time.sleep(0.01)
    helper.send_signal(signal.SIGSEGV)


def test_the_sandbox_decodes_as_this_process_does() -> None:
    with Sandbox() as box:
        for form in ("PNG", "JPEG", "GIF", "WebP", "TIFF", "BMP"):
            data = picture(form=form)
            there = box.decode(data, min_side=224)
            here = images.decode_pillow(data, min_side=224, limits=Limits())
            np.testing.assert_array_equal(there.rgb, here.rgb)
            assert there.rgb.flags.c_contiguous
            assert (there.width, there.format, there.truncated) == (here.width, form, False)
        cut = box.decode(picture(form="BMP")[:-100], min_side=224)
        assert cut.truncated


def test_one_helper_serves_many_pictures_and_ends_with_the_sandbox() -> None:
    with Sandbox() as box:
        assert box._helper is None  # nothing runs before it is needed
        box.warm()
        first = pid(box)
        for _ in range(3):
            box.decode(picture(), min_side=224)
            assert reason(box, b"\x89PNG\r\n\x1a\n").startswith("damaged")
        assert pid(box) == first
    assert not psutil.pid_exists(first)
    assert box.decode(picture(), min_side=224).rgb.shape == (40, 40, 3)  # usable again
    box.close()
    box.close()


def test_a_new_helper_takes_over_after_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_SERVES", 2)
    with Sandbox() as box:
        seen = []
        for _ in range(4):
            box.decode(picture(), min_side=224)
            seen.append(pid(box))
    assert len(set(seen)) == 2


def test_a_picture_that_takes_too_long() -> None:
    data = endless()
    with Sandbox(Limits(seconds=3)) as box:
        box.warm()
        helper = pid(box)
        assert reason(box, data) == "took longer than 3 s"
        assert not psutil.pid_exists(helper)  # it is not left to go on for a minute
        assert box.decode(picture("red"), min_side=224).rgb[0, 0].tolist() == [255, 0, 0]


def test_a_decoder_that_crashes() -> None:
    data = endless()
    with Sandbox(Limits(seconds=600)) as box:
        box.warm()
        box._started()
        killer = threading.Thread(target=kill_when_busy, args=(pid(box),))
        killer.start()
        assert reason(box, data) == "decoder crashed"
        killer.join()
        assert box.decode(picture("red"), min_side=224).rgb[0, 0].tolist() == [255, 0, 0]


def test_a_helper_killed_between_pictures_is_not_the_next_pictures_fault() -> None:
    with Sandbox() as box:
        box.decode(picture(), min_side=224)
        os.kill(pid(box), signal.SIGKILL)
        wait_until_gone(pid(box))
        assert box.decode(picture("red"), min_side=224).rgb[0, 0].tolist() == [255, 0, 0]


def test_memory_is_limited_by_the_system_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB hold the 49 MB of the picture by itself, but not on top of Python and NumPy."""
    data = picture(form="PNG", side=3500)
    with Sandbox(Limits(memory=64 << 20)) as box:
        assert reason(box, data) == "needs more memory than 67108864 bytes"
        assert box.decode(picture(), min_side=224).rgb.shape == (40, 40, 3)


def test_an_interrupted_picture_does_not_answer_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as box:
        box._started()
        with monkeypatch.context() as patch:

            def interrupt(*_: object) -> bytes:
                raise KeyboardInterrupt

            patch.setattr(sandbox, "_receive", interrupt)
            with pytest.raises(KeyboardInterrupt):
                box.decode(picture("blue"), min_side=224)
        assert box.decode(picture("red"), min_side=224).rgb[0, 0].tolist() == [255, 0, 0]


def test_a_helper_that_cannot_start_is_no_pictures_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_START", "raise SystemExit(1)")
    with Sandbox() as box, pytest.raises(LookalikeError, match="could not be started") as caught:
        box.decode(picture(), min_side=224)
    assert not isinstance(caught.value, PictureError)


def test_each_thread_has_its_own() -> None:
    wrong: list[str] = []

    def work(colour: str, value: list[int]) -> None:
        with Sandbox() as box:
            for _ in range(20):
                if box.decode(picture(colour), min_side=224).rgb[0, 0].tolist() != value:
                    wrong.append(colour)

    colours = {"red": [255, 0, 0], "blue": [0, 0, 255]}
    threads = [threading.Thread(target=work, args=item) for item in colours.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


PARENT = """
import sys, time
from lookalike.sandbox import Decoder
decoder = Decoder()
decoder.decode(sys.stdin.buffer.read(), min_side=224)
print(decoder._sandbox._helper.pid, flush=True)
time.sleep(600)
"""


def test_the_helper_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken from the current directory')")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,  # full of strange files, none of which may be imported
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(picture())
        parent.stdin.close()
        helper = int(parent.stdout.readline())
        assert psutil.pid_exists(helper)
        parent.kill()
    wait_until_gone(helper)
    assert not psutil.pid_exists(helper)


def test_ordinary_jpegs_need_no_helper(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(form="JPEG"))
    with Decoder() as decoder:
        decoded = decoder.decode(tmp_path / "a.jpg", 224)
        assert (decoded.width, decoded.height, decoded.format) == (40, 40, "JPEG")
        assert reason(decoder, b"some text").startswith("not a picture")
        assert reason(decoder, b"") == "empty file"
        assert decoder._sandbox._helper is None
        decoder.decode(picture(form="PNG"), 224)
        assert decoder._sandbox._helper is not None


def test_errors_are_named_by_the_path(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    with Decoder() as decoder:
        with pytest.raises(PictureError) as caught:
            decoder.decode(str(tmp_path / "a.jpg"), 224)
        assert caught.value.name == str(tmp_path / "a.jpg")
        assert str(caught.value).startswith(f"{tmp_path}/a.jpg: not a picture lookalike knows")
        with pytest.raises(PictureError, match=r"gone\.jpg: cannot be read: no such file"):
            decoder.decode(tmp_path / "gone.jpg", 224)


def test_arrays_and_pillow_images_are_taken_too() -> None:
    array = np.zeros((4, 6), bool)
    with Decoder() as decoder:
        assert decoder.decode(array, 224).rgb.shape == (4, 6, 3)
        assert decoder.decode(Image.new("CMYK", (6, 4)), 224).rgb.shape == (4, 6, 3)
        with pytest.raises(PictureError, match="not a picture: int; allowed are"):
            decoder.decode(7, 224)  # type: ignore[arg-type]
