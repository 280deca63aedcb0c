"""Moving files as the decisions say, and bringing them back."""
