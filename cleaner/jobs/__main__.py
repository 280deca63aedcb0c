"""``python -m cleaner.jobs STATE ID`` runs one job."""

import sys

from cleaner.jobs.worker import main

sys.exit(main(sys.argv[1:]))
