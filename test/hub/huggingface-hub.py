"""python huggingface-hub.py snapshot|files|offline|scan CACHE: what huggingface_hub makes of owner/model, as JSON.

HF_ENDPOINT names the hub. `snapshot` pulls all of it, `files` asks for each of the named files, `offline` does so without
the hub, and `scan` lists what is in the cache.
"""

import json
import sys

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

command, cache, *names = sys.argv[1:]
if command == 'snapshot':
    answer = snapshot_download('owner/model', cache_dir=cache)
elif command in ('files', 'offline'):
    only_local = command == 'offline'
    answer = [hf_hub_download('owner/model', name, cache_dir=cache, local_files_only=only_local) for name in names]
else:
    found = scan_cache_dir(cache)
    answer = {
        'warnings': [str(warning) for warning in found.warnings],
        'revisions': {
            revision.commit_hash: {'refs': sorted(revision.refs), 'files': sorted(file.file_name for file in revision.files)}
            for repo in found.repos
            for revision in repo.revisions
        },
    }
print(json.dumps(answer))
