"""Opening images: formats, decoding, upright RGB, thumbnails. The one room that decodes."""
