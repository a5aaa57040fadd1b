"""Self-contained HTML pages: what a search found, and copies to go through."""

from lookalike.reports.page import write_page
from lookalike.reports.review import review_page
from lookalike.reports.sheet import contact_sheet

__all__ = ["contact_sheet", "review_page", "write_page"]
