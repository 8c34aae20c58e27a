"""Pictures that people had before: taken into the gallery with what their files tell, their dates and their folders."""

from gateway.images.imports.importing import Imports
from gateway.images.imports.offers import Brought, Known, Left, Outcome, Status

__all__ = ["Brought", "Imports", "Known", "Left", "Outcome", "Status"]
