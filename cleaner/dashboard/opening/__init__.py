"""What a browser gets while Voilà starts: the page as it stood last, or the first images of the folder."""
