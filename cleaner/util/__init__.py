"""Small things that every room uses: whole files, delayed calls, CSV text, progress, wording."""
