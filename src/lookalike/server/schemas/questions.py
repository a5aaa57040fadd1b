"""What requests may say."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from lookalike.server.settings import DEFAULT, LONGEST_TOKEN
from lookalike.server.thumbnails import SIDES

LARGEST_ID = 2**63 - 1


def _sound(text: str) -> str:
    if "\0" in text or any(0xD800 <= ord(c) < 0xE000 for c in text):
        raise ValueError("has characters that are no text")
    return text


# Together so long at most that the address of a request with all of them, four-byte characters escaped, is
# one that the HTTP parser takes (`refusals.LONGEST_HEAD`).
Text = Annotated[str, Field(max_length=4000), AfterValidator(_sound)]
Short = Annotated[str, Field(max_length=200), AfterValidator(_sound)]
DeploymentName = Annotated[
    str,
    Path(max_length=200, description="Name of a deployment; see /v1/deployments.", examples=[DEFAULT]),
    AfterValidator(_sound),
]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[3])]
PathId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The picture's number.", examples=[3])]


def _url(what: str) -> Any:
    """The URL of a picture. In forms and JSON alone: addresses are logged on their way."""
    told = f"{what} On http:// or https:// at a public address; only where the server is told to fetch URLs."
    return Field(None, description=told, json_schema_extra={"format": "uri"})


class Strict(BaseModel):
    """Fields of a request: one that is not known is refused, with what may have been meant."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _suggesting(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return check(given)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                error.title, [_suggested(one, list(cls.model_fields)) for one in error.errors()]
            ) from None


def _suggested(error: ErrorDetails, known: list[str]) -> InitErrorDetails:
    """The same mistake; of an unknown field, with one that has a similar name, or all."""
    kind: str | PydanticCustomError = error["type"]
    if kind == "extra_forbidden":
        close = get_close_matches(str(error["loc"][-1])[:80], known, 1)
        instead = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        kind = PydanticCustomError("extra_forbidden", f"there is no such field; {instead}")
    return {"type": kind, "loc": error["loc"], "input": error["input"], "ctx": error.get("ctx", {})}


class Chosen(Strict):
    """Which deployment answers."""

    deployment: Short = Field(DEFAULT, description="Name of a deployment; see /v1/deployments.")


class Small(Chosen):
    """How large a thumbnail is."""

    side: int = Field(320, ge=SIDES[0], le=SIDES[1], description="Pixels of the longer side.")


class Where(Chosen):
    """Which deployment answers, and with which of its models."""

    model: Short | None = Field(None, description="Another of the deployment's models; see /v1/info.")
    output: Short | None = Field(None, description="Which output of it.")
    runtime: Short | None = Field(None, description="Which runtime.")


class Nearest(BaseModel):
    """How many are wanted."""

    k: int = Field(10, ge=1, le=100, description="How many to find at most.")


class Question(Where):
    """How to search."""

    k: int = Field(10, ge=1, le=2**31, description="How many to find at most.", examples=[5])
    where: Text | None = Field(
        None, description="Only pictures whose metadata match.", examples=["in_stock and price < 100"]
    )
    threshold: float | None = Field(None, ge=-1, le=1, description="Least similarity.", allow_inf_nan=False)
    region: Short | None = Field(
        None,
        description="The part of the picture that matters, X,Y,WIDTH,HEIGHT in pixels or shares.",
        examples=["0.25,0.25,0.5,0.5"],
    )
    exact: bool = Field(False, description="Compare with every picture, also where an index is quicker.")
    include_self: bool = Field(False, description="Keep the query itself among the results.")


class Guided(Question):
    """A search for what comes as a file, with indexed pictures for and against."""

    also_id: list[Id] = Field([], max_length=32, description="Results should look like these as well.")
    against_id: list[Id] = Field([], max_length=32, description="Results should not look like these.")


class Search(Guided):
    """A search: what is asked for comes as a file, or as the number of an indexed picture."""

    id: Id | None = Field(None, description="Search for what looks like this indexed picture.")


class SearchForm(Search):
    """As a form or JSON says it."""

    url: Text | None = _url("Search for what looks like the picture at this URL.")


class Pair(Where):
    """Two pictures, each as a file or as a number."""

    first_id: Id | None = Field(None, description="An indexed picture, in place of the file `first`.")
    second_id: Id | None = Field(None, description="An indexed picture, in place of the file `second`.")


class PairForm(Pair):
    """As a form or JSON says it."""

    first_url: Text | None = _url("The URL of a picture, in place of the file `first`.")
    second_url: Text | None = _url("The URL of a picture, in place of the file `second`.")


class Explain(Where):
    """What was searched for, and what was found: each as a file or as a number."""

    id: Id | None = Field(None, description="An indexed picture, in place of the file `picture`.")
    found_id: Id | None = Field(None, description="An indexed picture, in place of the file `found`.")
    also_id: list[Id] = Field([], max_length=32, description="As in the search.")
    against_id: list[Id] = Field([], max_length=32, description="As in the search.")
    region: Short | None = Field(
        None, description="As in the search: X,Y,WIDTH,HEIGHT.", examples=["0.25,0.25,0.5,0.5"]
    )


class ExplainForm(Explain):
    """As a form or JSON says it."""

    url: Text | None = _url("The URL of a picture, in place of the file `picture`.")
    found_url: Text | None = _url("The URL of a picture, in place of the file `found`.")


class Likely(Where):
    """How sure a copy must be."""

    precision: float = Field(0.99, gt=0, le=1, description="Least probability of a copy.")
    candidates: int = Field(20, ge=1, le=100, description="How many of the nearest are compared.")


class Known(Likely):
    """A picture that may have copies, as a file or as a number, and how sure these must be."""

    id: Id | None = Field(None, description="An indexed picture, which is no copy of itself.")


class KnownForm(Known):
    """As a form or JSON says it."""

    url: Text | None = _url("The URL of a picture, in place of the file `picture`.")


class Page(Chosen):
    """Which part of a long list."""

    where: Text | None = Field(None, description="Only pictures whose metadata match.")
    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    after: int = Field(0, ge=0, le=LARGEST_ID, description="Go on after this id: `next` of the page before.")
    skip: int = Field(0, ge=0, le=LARGEST_ID, description="Leave out so many that would come first.")


class Columns(Chosen):
    """Which columns, of which pictures."""

    column: list[Short] = Field(
        [],
        max_length=64,
        description="A column; may be repeated. None: all of the metadata, and the grouping ones.",
    )
    where: Text | None = Field(None, description="Only pictures whose metadata match.")
    values: int = Field(20, ge=1, le=200, description="Values listed of a column at most.")


class Switch(Strict):
    """What a deployment's name is to mean."""

    to: Short = Field(description="Another deployment.", examples=["candidate"])


class Distinct(Strict):
    """Pictures that are no duplicates of each other."""

    ids: list[Id] = Field(min_length=2, max_length=100, description="At least two.", examples=[[1, 2]])
    forget: bool = Field(False, description="Forget that decision instead.")


class Part(Chosen):
    """Which part of a list, by places."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    after: int = Field(0, ge=0, le=LARGEST_ID, description="Leave out so many: `next` of the part before.")


class GroupsPart(Part):
    """Which groups of copies."""

    id: Id | None = Field(None, description="Only the groups that this picture is in.")
    kind: list[Literal["exact", "pixels", "near", "edited", "burst"]] = Field(
        [], max_length=5, description="Only groups with a copy of this kind; may be repeated."
    )
    doubtful: bool = Field(False, description="Only groups with a copy whose removal is not proposed.")


class ClustersPart(Part):
    """Which clusters."""

    id: Id | None = Field(None, description="Only this one.")
    label: Short | None = Field(None, description="Only those whose label has this text.")
    order: Literal["size", "cohesion", "label"] = Field("size", description="By what they are sorted.")
    members: int = Field(8, ge=0, le=200, description="How many of its pictures are named.")


class Login(Strict):
    """A token, to be exchanged for a session."""

    token: str = Field(max_length=LONGEST_TOKEN, description="A token of this server.")
