"""Answers as examples of the OpenAPI description."""

from __future__ import annotations

from pydantic.config import JsonDict

HIT: JsonDict = {
    "rank": 1,
    "id": 17,
    "path": "/shop/photos/gala-apple.jpg",
    "similarity": 0.894,
    "probability": None,
    "missing": False,
    "metadata": {"name": "Gala apple", "price": 0.45, "in_stock": True},
    "cluster": 3,
    "width": 400,
    "height": 300,
    "distance": 0.106,
}
PICTURE: JsonDict = {
    "id": 17,
    "path": "/shop/photos/gala-apple.jpg",
    "width": 400,
    "height": 300,
    "bytes": 21921,
    "format": "JPEG",
    "content": "32158bbb4f6731c786dd8d3d06338793eb3f321b7f9dadb220b634a49cb209b3",
    "missing": False,
    "truncated": False,
    "metadata": {"name": "Gala apple", "price": 0.45},
    "cluster": 3,
}
COMPARISON: JsonDict = {
    "similarity": 0.951,
    "verdict": "edited copy",
    "probability": 0.999,
    "overlap": 0.8,
    "transform": [[0.5, 0.0, 12.0], [0.0, 0.5, 8.0]],
    "distance": 0.049,
}
CLUSTER: JsonDict = {
    "id": 3,
    "label": "apple",
    "size": 41,
    "cohesion": 0.62,
    "share": 0.93,
    "column": "kind",
    "parent": 1,
    "nearest": [{"id": 5, "similarity": 0.71}],
    "medoid": 17,
    "members": [17, 23, 4],
}
KEPT: JsonDict = {
    "path": "/shop/photos/gala-apple.jpg",
    "id": 17,
    "width": 400,
    "height": 300,
    "bytes": 21921,
    "format": "JPEG",
    "modified": "2026-11-23T08:30:00Z",
    "content": "32158bbb4f6731c786dd8d3d06338793eb3f321b7f9dadb220b634a49cb209b3",
    "reference": False,
}
GROUP: JsonDict = {
    "kept": KEPT,
    "reason": "more pixels: 400 × 300, the other 200 × 150",
    "members": [
        {
            "picture": {**KEPT, "path": "/shop/photos/small.jpg", "id": 18, "width": 200, "height": 150},
            "kind": "near",
            "probability": 0.9999,
            "similarity": 0.97,
            "inliers": 375,
            "transform": [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]],
            "overlap": 1.0,
            "overlap_copy": 1.0,
            "box": [0.0, 0.0, 400.0, 300.0],
            "box_copy": [0.0, 0.0, 200.0, 150.0],
            "doubt": None,
            "path": "/shop/photos/small.jpg",
            "remove": True,
            "stays": None,
            "placement": [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]],
            "how": [],
            "details": [
                {"name": "Size", "value": "200 × 150", "comparison": "75 % fewer pixels", "rank": "worse"}
            ],
        }
    ],
    "details": [{"name": "Size", "value": "400 × 300", "comparison": "", "rank": ""}],
    "keep": "/shop/photos/gala-apple.jpg",
    "weakest": 0.9999,
}
HEAT: JsonDict = {
    "picture": "a.jpg",
    "shares": [[0.1, 0.2], [0.3, 0.1]],
    "box": [60.0, 10.0, 280.0, 280.0],
    "width": 400,
    "height": 300,
    "rounding": 0.00001,
}
EXPLANATION: JsonDict = {
    "similarity": 0.7,
    "queries": [HEAT],
    "found": {**HEAT, "picture": "#17"},
    "pairs": [[0.1, 0.0, 0.0, 0.0], [0.0, 0.2, 0.0, 0.0], [0.0, 0.0, 0.3, 0.0], [0.0, 0.0, 0.0, 0.1]],
}
