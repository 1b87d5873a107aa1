import { SCHEMA_REVISION_ANNOTATION, schemaRevision } from '../../api/emit-crd.ts';
import { kinds } from '../../api/kinds.ts';
import type { KubeObject } from '../../kube/types.ts';

/** What ours are: of each, its name and the revision of its schema. They are as they are for the life of the process. */
const OWN = kinds.map((kind) => ({ name: `${kind.plural}.mailhold.dev`, revision: schemaRevision(kind) }));

/** What of the installed CustomResourceDefinitions does not fit this version of the operator; empty where all do. */
export function definitionFaults(installed: readonly KubeObject[]): string[] {
  const byName = new Map(installed.map((definition) => [definition.metadata.name, definition]));
  return OWN.flatMap(({ name, revision: own }) => {
    const definition = byName.get(name);
    if (definition === undefined) return [`The CustomResourceDefinition ${name} is not installed. ${ACTION}`];
    const revision = definition.metadata.annotations?.[SCHEMA_REVISION_ANNOTATION];
    if (revision === own) return [];
    return [
      `The CustomResourceDefinition ${name} is of another version (schema ${revision ?? 'unknown'}, this operator needs ${own}). ${ACTION}`,
    ];
  });
}

/** Helm installs the folder crds/ once and never touches it again. */
const ACTION = 'Apply those of this version: helm show crds CHART | kubectl apply --server-side --force-conflicts -f -';
