"""Self-contained HTML pages (what a search found, copies to go through, groups of pictures, what makes two
alike) and tables."""

from lookalike.reports.explanation import explanation_page
from lookalike.reports.gallery import Section, Shown, bounded, picture_gallery
from lookalike.reports.review import review_page
from lookalike.reports.sheet import contact_sheet
from lookalike.reports.writing import check_page, check_table, write_page, write_table

__all__ = [
    "Section",
    "Shown",
    "bounded",
    "check_page",
    "check_table",
    "contact_sheet",
    "explanation_page",
    "picture_gallery",
    "review_page",
    "write_page",
    "write_table",
]
