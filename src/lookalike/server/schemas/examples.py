"""Answers as examples of the OpenAPI description."""

from __future__ import annotations

import json

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
COPY: JsonDict = {
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
}
GROUP: JsonDict = {
    "kept": KEPT,
    "reason": "more pixels: 400 × 300, the other 200 × 150",
    "members": [
        {
            **COPY,
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
COPIES: JsonDict = {"query": "a.jpg", "copies": [COPY], "compared": 20, "failed": []}
GROUPS: JsonDict = {
    "groups": [GROUP],
    "matching": 1,
    "total": 1,
    "copies": 1,
    "kinds": {"near": 1},
    "removals": 1,
    "bytes": 9120,
    "images": 5120,
    "seconds": 31.5,
    "precision": 0.99,
    "compared": 240,
    "graph_recall": 0.998,
    "failed": [],
    "made": "2026-11-23T08:30:00Z",
    "new": 0,
    "roots": ["/shop/photos"],
    "next": None,
}
LOOKING: JsonDict = {
    "state": "running",
    "deployment": "default",
    "stage": "comparing",
    "done": 120,
    "total": 240,
    "message": "",
    "made": None,
}
PLAN_FILE: JsonDict = {
    "path": "/shop/photos/gala-apple.jpg",
    "sha256": "32158bbb4f6731c786dd8d3d06338793eb3f321b7f9dadb220b634a49cb209b3",
    "bytes": 21921,
    "width": 400,
    "height": 300,
}
PLAN: JsonDict = {
    "lookalike": "duplicates plan",
    "version": 1,
    "collection": "/shop/.lookalike",
    "made": "2026-11-23T08:30:00Z",
    "roots": ["/shop/photos"],
    "groups": [
        {
            "keep": PLAN_FILE,
            "reason": "more pixels: 400 × 300, the other 200 × 150",
            "copies": [
                {
                    **PLAN_FILE,
                    "path": "/shop/photos/small.jpg",
                    "kind": "near",
                    "probability": 0.9999,
                    "remove": True,
                    "doubt": None,
                }
            ],
        }
    ],
}
PICTURES: JsonDict = {"pictures": [PICTURE], "matching": 5120, "next": 17}
ADDED: JsonDict = {
    "pictures": [{**PICTURE, "added": True}],
    "failed": [{"index": 1, "path": "notes.txt", "reason": "not a picture lookalike knows (JPEG, PNG, …)"}],
}
GROUPING: JsonDict = {
    "clusters": 41,
    "images": 5120,
    "noise": 310,
    "new": 0,
    "method": "communities",
    "level": 2,
    "model": "efficientnet-lite0",
}
INFO: JsonDict = {
    "collection": "/shop/.lookalike",
    "images": 5120,
    "missing": 0,
    "failed": 2,
    "models": [
        {
            "model": "efficientnet-lite0",
            "output": "embedding",
            "runtime": "onnxruntime",
            "identity": "9f3a6c1e",
            "dimension": 1280,
            "vectors": 5120,
            "index": "exact",
            "recall": None,
            "mapped": True,
        }
    ],
    "columns": {"name": "text", "price": "number", "in_stock": "truth"},
    "bytes": 29491200,
    "picture_bytes": 112640000,
    "bytes_per_image": 5760.0,
    "smaller": 3.8,
    "clusters": GROUPING,
}
CLUSTERS: JsonDict = {
    "clusters": [CLUSTER],
    "matching": 1,
    "total": 41,
    "noise": 310,
    "images": 5120,
    "method": "communities",
    "level": 2,
    "next": None,
}


def _packed(kind: str, data: str) -> JsonDict:
    return {"type": kind, "data": data}


MAP: JsonDict = {
    "count": 1,
    "ids": _packed("Uint32Array", "EQAAAA=="),
    "places": _packed("Uint16Array", "AID/fw=="),
    "size": [1.0, 1.0],
    "importance": _packed("Uint32Array", "AAAAAA=="),
    "neighbours": _packed("Int32Array", "/////w=="),
    "similarities": _packed("Int8Array", "AA=="),
    "each": 1,
    "paths": {
        "folders": ["/shop/photos/"],
        "folder": _packed("Uint16Array", "AAA="),
        "names": ["gala-apple.jpg"],
    },
    "columns": [],
    "palettes": {},
    "scales": {},
    "colour": None,
    "shapes": _packed("Uint16Array", "kAEsAQ=="),
    "facts": {},
    "sheets": [],
}
DEPLOYMENT: JsonDict = {
    "name": "default",
    "images": 5120,
    "model": "efficientnet-lite0",
    "output": "embedding",
    "runtime": "onnxruntime",
}
FACETS: JsonDict = {
    "pictures": 5120,
    "facets": [
        {
            "column": "category",
            "kind": "text",
            "pictures": 5100,
            "distinct": 2,
            "values": [{"value": "fruit", "count": 3200}, {"value": "vegetables", "count": 1900}],
            "least": None,
            "greatest": None,
            "bins": [],
            "decimals": 0,
        }
    ],
}
CALIBRATION: JsonDict = {
    "calibration": {
        "slope": 21.4,
        "intercept": -13.2,
        "source": "column category",
        "hits": 9000,
        "right": 6100,
    }
}
SESSION: JsonDict = {
    "required": True,
    "rights": "write",
    "originals": True,
    "max_k": 1000,
    "max_picture_bytes": 20971520,
}
PELTARION: JsonDict = {
    "similarities": [{"index": 17, "distance": 0.106, "features": {"image": "/9j/4AAQSkZJRgABAQAAAQABAAD…"}}]
}
PROBLEM: JsonDict = {
    "error": {
        "status": 422,
        "code": "picture",
        "message": "not a picture lookalike knows (JPEG, PNG, …)",
        "request_id": "4f5a4a147b2442b3b41432efcb9f3423",
        "details": None,
    }
}
LINES = "".join(
    json.dumps(one, ensure_ascii=False) + "\n"
    for one in ({"query": "a.jpg", "results": [HIT]}, {"query": "notes.txt", **PROBLEM})
)
"""Of a batch."""
