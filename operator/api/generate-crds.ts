import { join } from 'node:path';
import { emitCRD } from './emit-crd.ts';
import { generate, ROOT } from './generated-files.ts';
import { kinds } from './kinds.ts';

/** crds/: one file per kind. */
export function crdFiles(): Map<string, string> {
  return new Map(kinds.map((kind) => [join(ROOT, 'crds', `mailhold.dev_${kind.plural}.yaml`), emitCRD(kind)]));
}

if (import.meta.main) await generate(crdFiles());
