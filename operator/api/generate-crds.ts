import { join } from 'node:path';
import { emitCRD } from './emit-crd.ts';
import { generate, ROOT } from './generated-files.ts';
import { kinds } from './kinds.ts';

/** A chart cannot take files from outside of it, so it has its own copies. */
const FOLDERS = ['crds', 'charts/mailhold/crds'];

/** One file per kind, in each folder. */
export function crdFiles(): Map<string, string> {
  return new Map(
    FOLDERS.flatMap((folder) =>
      kinds.map((kind) => [join(ROOT, folder, `mailhold.dev_${kind.plural}.yaml`), emitCRD(kind)] as const),
    ),
  );
}

if (import.meta.main) await generate(crdFiles());
