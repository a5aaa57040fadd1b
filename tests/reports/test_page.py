"""The text and the pictures that go into pages."""

from __future__ import annotations

from lookalike.reports.page import Pictures, Placed


def test_a_picture_is_asked_for_once_and_its_bytes_are_given_out_once() -> None:
    asked: list[str] = []

    def thumbnail(path: str) -> bytes | None:
        asked.append(path)
        return None if path == "/none.jpg" else path[-5:].encode()

    pictures = Pictures(thumbnail)
    placed = [pictures.place(path) for path in ("/a.jpg", "/b.jpg", "/a.jpg", "/x/a.jpg", "/none.jpg")]
    assert placed == [
        Placed("p1", "YS5qcGc="),
        Placed("p2", "Yi5qcGc="),
        Placed("p1", None),
        Placed("p1", None),
        None,
    ]
    assert pictures.place("/none.jpg") is None
    assert asked == ["/a.jpg", "/b.jpg", "/x/a.jpg", "/none.jpg"]
