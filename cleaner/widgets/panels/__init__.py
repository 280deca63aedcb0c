"""The panels round the grid."""
