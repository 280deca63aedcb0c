"""Random pages that certify how many errors are left."""
