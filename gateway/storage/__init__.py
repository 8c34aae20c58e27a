"""Storage: blobs and their ledger, the encoder and its marks, thumbnails, signed URLs."""

from gateway.storage.blobs import BlobRef, BlobStore
from gateway.storage.mark import Finished, finish, keep
from gateway.storage.metadata import Description
from gateway.storage.signing import Grant, Signer

__all__ = ["BlobRef", "BlobStore", "Description", "Finished", "Grant", "Signer", "finish", "keep"]
