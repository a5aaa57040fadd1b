"""What answers say. Those that are results of lookalike have the fields that `results.as_json` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lookalike.server.schemas import examples


class Problem(BaseModel):
    """Why there is no better answer."""

    status: int = Field(examples=[422])
    code: str = Field(description="One word, for programs.", examples=["picture"])
    message: str = Field(description="For people: what is wrong, what was allowed, what to do.")
    request_id: str = Field(description="As in the header X-Request-ID; in the server's log when it failed.")
    details: Any = None


class Envelope(BaseModel):
    """Every answer that is no success."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PROBLEM})

    error: Problem


class Hit(BaseModel):
    """One picture that looks like the query."""

    model_config = ConfigDict(json_schema_extra={"example": examples.HIT})

    rank: int
    id: int
    path: str
    similarity: float
    probability: float | None
    missing: bool
    metadata: Mapping[str, Any]
    cluster: int | None = Field(description="From 1 on; -1 for noise; null without clusters.")
    width: int
    height: int
    distance: float


class SearchAnswer(BaseModel):
    """The answer to one search, most similar first."""

    model_config = ConfigDict(json_schema_extra={"example": {"query": "a.jpg", "results": [examples.HIT]}})

    query: str
    results: list[Hit]


class Comparison(BaseModel):
    """How alike two pictures are."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COMPARISON})

    similarity: float
    verdict: str
    probability: float | None
    overlap: float | None
    transform: list[list[float]] | None
    distance: float


class Heat(BaseModel):
    """How much each place of a picture adds to a similarity."""

    picture: str
    shares: list[list[float]] = Field(description="Rows from the top, each from left to right.")
    box: list[float] = Field(
        description="The part of the picture that they divide: left, top, width, height in its pixels.",
        min_length=4,
        max_length=4,
    )
    width: int
    height: int
    rounding: float = Field(description="How much of it comes from rounding, spread evenly over all places.")


class Explanation(BaseModel):
    """A similarity split over the places of the pictures that it compares."""

    model_config = ConfigDict(json_schema_extra={"example": examples.EXPLANATION})

    similarity: float
    queries: list[Heat] = Field(description="Pictures for, then against: all their shares add up to it.")
    found: Heat = Field(description="Its shares add up to it as well.")
    pairs: list[list[float]] | None = Field(
        description="For each place of the query what it adds with each place of the picture found; null for "
        "several queries, and for very fine grids."
    )


class Facts(BaseModel):
    """A picture file, as people choose between copies by it."""

    path: str
    id: int
    width: int
    height: int
    bytes: int
    format: str
    modified: str
    content: str
    reference: bool


class Copy(BaseModel):
    """A picture of the collection that the query is a copy of."""

    picture: Facts
    kind: str
    probability: float
    similarity: float | None
    inliers: int | None
    transform: list[list[float]] | None
    overlap: float | None
    overlap_copy: float | None
    box: list[float] | None
    box_copy: list[float] | None
    doubt: str | None
    path: str


class Failure(BaseModel):
    """A file that could not be used."""

    path: str
    reason: str


class Copies(BaseModel):
    """Which pictures of the collection one picture is a copy of."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COPIES})

    query: str
    copies: list[Copy]
    compared: int
    failed: list[Failure]


class Detail(BaseModel):
    """A fact about a picture, in words."""

    name: str
    value: str
    comparison: str = Field(description="Beside the picture kept; empty when there is nothing to say.")
    rank: str = Field(description="`better`, `worse` or empty.")


class Member(Copy):
    """A copy of the picture kept, and what a plan proposes."""

    remove: bool = Field(description="A plan removes it.")
    stays: str | None = Field(description="Why a plan leaves it.")
    placement: list[list[float]] = Field(
        description="2 x 3 matrix that takes points of the copy to the picture kept; where it is not known, "
        "the copy is stretched over all of it."
    )
    how: list[str] = Field(description="What was done to it, in words.")
    details: list[Detail]


class DuplicateGroup(BaseModel):
    """A picture to keep, and its copies."""

    model_config = ConfigDict(json_schema_extra={"example": examples.GROUP})

    kept: Facts
    reason: str = Field(description="Why this one is to be kept.")
    members: list[Member] = Field(description="Their transform takes points of the picture kept to the copy.")
    details: list[Detail] = Field(description="Of the picture kept.")
    keep: str
    weakest: float = Field(description="The lowest probability among the members.")


class DuplicateGroups(BaseModel):
    """A part of the copies that were found last."""

    model_config = ConfigDict(json_schema_extra={"example": examples.GROUPS})

    groups: list[DuplicateGroup]
    matching: int = Field(description="Groups that match.")
    total: int = Field(description="Groups in all.")
    copies: int = Field(description="Copies in all of them.")
    kinds: Mapping[str, int] = Field(description="How many copies of each kind.")
    removals: int = Field(description="How many of them a plan proposes to remove.")
    bytes: int = Field(description="How much these take.")
    images: int = Field(description="Pictures that were looked at.")
    seconds: float
    precision: float
    compared: int = Field(description="Pairs of pictures whose pixels were compared.")
    graph_recall: float | None
    failed: list[Failure] = Field(description="Files that could not be used, 1,000 at most.")
    made: str = Field(description="When they were found, ISO 8601 in UTC.")
    new: int = Field(description="Pictures that came since, and were not looked at.")
    roots: list[str] = Field(description="Folders; a plan removes nothing outside of them.")
    next: int | None = Field(description="Give it as `after` for the following part; null at the end.")


class Looking(BaseModel):
    """How far the search for copies is."""

    model_config = ConfigDict(json_schema_extra={"example": examples.LOOKING})

    state: Literal["idle", "running", "done", "failed", "stopped"]
    deployment: str
    stage: str = Field(description="What is being done, in words.", examples=["comparing"])
    done: int
    total: int = Field(description="0 when it is not known.")
    message: str = Field(description="Why it failed.")
    made: str | None = Field(
        description="When copies were found last in the deployment that asks; null for never, and where "
        "something else was asked."
    )


class PlanFile(BaseModel):
    """A picture of a plan."""

    path: str
    sha256: str
    bytes: int
    width: int
    height: int


class PlanCopy(PlanFile):
    """A copy, and whether it goes."""

    kind: str
    probability: float
    remove: bool
    doubt: str | None


class PlanGroup(BaseModel):
    """A picture to keep, and its copies."""

    keep: PlanFile
    reason: str
    copies: list[PlanCopy]


class Plan(BaseModel):
    """What is to be removed; see the docs, "Removing copies"."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PLAN})

    lookalike: str
    version: int
    collection: str
    made: str
    roots: list[str]
    groups: list[PlanGroup]


class Decided(BaseModel):
    """How many pairs were decided."""

    model_config = ConfigDict(json_schema_extra={"example": {"pairs": 1}})

    pairs: int


class Picture(BaseModel):
    """A picture of the collection."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PICTURE})

    id: int
    path: str
    width: int
    height: int
    bytes: int
    format: str
    content: str = Field(description="SHA-256 of the file's bytes.")
    missing: bool
    truncated: bool
    metadata: Mapping[str, Any]
    cluster: int | None = Field(description="From 1 on; -1 for noise; null without clusters.")


class Pictures(BaseModel):
    """A part of a list of pictures."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PICTURES})

    pictures: list[Picture]
    matching: int = Field(description="How many pictures there are in all parts together, from the first on.")
    next: int | None = Field(description="Give it as `after` for the following part; null at the end.")


class Added(Picture):
    """An uploaded picture; `added` is false when the collection had these bytes."""

    model_config = ConfigDict(json_schema_extra={"example": {**examples.PICTURE, "added": True}})

    added: bool


class Refused(Failure):
    """An uploaded picture that cannot be used; `index` counts those of the request from 0."""

    index: int


class AddAnswer(BaseModel):
    """What became of uploaded pictures."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ADDED})

    pictures: list[Added]
    failed: list[Refused]


class Removed(BaseModel):
    """Pictures taken out of the collection; their files stay."""

    model_config = ConfigDict(json_schema_extra={"example": {"removed": ["/shop/photos/gala-apple.jpg"]}})

    removed: list[str] = Field(description="Paths of the files.")


class Model(BaseModel):
    """One model's vectors."""

    model: str
    output: str
    runtime: str
    identity: str
    dimension: int
    vectors: int
    index: str
    recall: float | None
    mapped: bool = Field(description="Whether a map of them has been laid out.")


class Grouping(BaseModel):
    """The clusters that are kept with a collection, in numbers."""

    clusters: int
    images: int
    noise: int
    new: int
    method: str
    level: int | None
    model: str


class NearCluster(BaseModel):
    """A cluster that lies near another one."""

    id: int
    similarity: float


class Cluster(BaseModel):
    """One cluster; its pictures are those with `cluster == id`."""

    model_config = ConfigDict(json_schema_extra={"example": examples.CLUSTER})

    id: int
    label: str = Field(description="What sets it apart; empty when nothing does.")
    size: int
    cohesion: float = Field(description="Mean cosine between two of its pictures.")
    share: float | None = Field(description="Share of its pictures that have the value of the label.")
    column: str | None = Field(description="The column that the label is from.")
    parent: int | None = Field(description="The cluster of the next coarser level that it lies in.")
    nearest: list[NearCluster] = Field(description="The nearest other clusters.")
    medoid: int | None = Field(description="The picture that stands for it.")
    members: list[int] = Field(description="Its most typical pictures, the most typical first.")


class ClusterList(BaseModel):
    """The clusters that `lookalike cluster` kept last, largest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.CLUSTERS})

    clusters: list[Cluster]
    matching: int = Field(description="Clusters that match.")
    total: int = Field(description="Clusters in all.")
    noise: int = Field(description="Pictures in none of them.")
    images: int = Field(description="Pictures that were looked at.")
    method: str
    level: int | None
    next: int | None = Field(description="Give it as `after` for the following part; null at the end.")


class Packed(BaseModel):
    """Many numbers."""

    type: str = Field(
        description="Of JavaScript's typed arrays, e.g. `Uint16Array`.", examples=["Uint16Array"]
    )
    data: str = Field(description="The bytes, the lowest first, in base64.")


class MapPaths(BaseModel):
    """Where the files are."""

    folders: list[str]
    folder: Packed = Field(description="Of each picture the number of its folder.")
    names: list[str] = Field(description="Of each picture what follows the folder.")


class MapAnswer(BaseModel):
    """A map; all arrays are in the order of `ids`."""

    model_config = ConfigDict(json_schema_extra={"example": examples.MAP})

    count: int = Field(description="Pictures.")
    ids: Packed
    places: Packed = Field(description="x, y of each picture in steps from 0 to 65,535; y downwards.")
    size: list[float] = Field(description="Width and height; the longer one is 1.")
    importance: Packed = Field(description="The rank of each picture, 0 for the one to show first.")
    neighbours: Packed = Field(description="Places in the order of `ids`, `each` of them; -1 for none.")
    similarities: Packed = Field(description="Of these, in percent.")
    each: int
    paths: MapPaths
    columns: list[Mapping[str, Any]] = Field(description="What the pictures can be coloured by.")
    palettes: Mapping[str, list[str]]
    scales: Mapping[str, list[str]]
    colour: str | None = Field(description="The column to colour by at first.")
    shapes: Packed = Field(description="Width and height of each picture in pixels.")
    facts: Mapping[str, str] = Field(description="How true the map is.")
    sheets: list[Any] = Field(description="Always empty: thumbnails are at /v1/pictures/ID/thumbnail.")


class Info(BaseModel):
    """What is in a collection."""

    model_config = ConfigDict(json_schema_extra={"example": examples.INFO})

    collection: str
    images: int
    missing: int
    failed: int
    models: list[Model]
    columns: Mapping[str, str]
    bytes: int
    picture_bytes: int
    bytes_per_image: float
    smaller: float
    clusters: Grouping | None


class Deployment(BaseModel):
    """What a name means."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DEPLOYMENT})

    name: str
    images: int
    model: str
    output: str
    runtime: str


class DeploymentList(BaseModel):
    """All that is served."""

    model_config = ConfigDict(json_schema_extra={"example": {"deployments": [examples.DEPLOYMENT]}})

    deployments: list[Deployment]


class Health(BaseModel):
    """Whether the server lives, or is ready to answer."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str = Field(examples=["ok"])


class ValueCount(BaseModel):
    """A value, and how many pictures have it."""

    value: str | float | bool
    count: int


class Facet(BaseModel):
    """The values of one column."""

    column: str
    kind: str = Field(description="`number`, `text`, `truth` or `mixed`.")
    pictures: int = Field(description="Pictures that have a value in it.")
    distinct: int = Field(description="Different values.")
    values: list[ValueCount] = Field(description="The most frequent ones; long texts are left out.")
    least: float | None
    greatest: float | None
    bins: list[int] = Field(description="Numbers in equal parts between the least and the greatest.")
    decimals: int = Field(description="Digits after the point that one of its numbers takes, at most.")


class Facets(BaseModel):
    """What one can choose pictures by."""

    model_config = ConfigDict(json_schema_extra={"example": examples.FACETS})

    pictures: int = Field(description="Pictures that were looked at.")
    facets: list[Facet]


class Curve(BaseModel):
    """From a similarity to a chance: 1 / (1 + exp(-(slope * similarity + intercept)))."""

    slope: float
    intercept: float
    source: str = Field(description="What it was fitted on.")
    hits: int
    right: int


class CalibrationAnswer(BaseModel):
    """The curve of a model, if there is one."""

    model_config = ConfigDict(json_schema_extra={"example": examples.CALIBRATION})

    calibration: Curve | None


class Session(BaseModel):
    """What whoever asks may do."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SESSION})

    required: bool = Field(description="Whether this server wants a token.")
    rights: str | None = Field(description="`write`, `read`, or null for nothing.", examples=["write"])
    originals: bool = Field(description="Whether original files are given out.")
    max_k: int = Field(description="Results that one search may give.")
    max_picture_bytes: int = Field(description="Bytes that one picture may have.")


class PeltarionFeatures(BaseModel):
    """What is shown of a picture."""

    image: str = Field(description="A JPEG thumbnail in base64; empty when the file is gone.")


class PeltarionHit(BaseModel):
    """One picture that looks like the query."""

    index: int
    distance: float
    features: PeltarionFeatures


class PeltarionAnswer(BaseModel):
    """Nearest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PELTARION})

    similarities: list[PeltarionHit]
