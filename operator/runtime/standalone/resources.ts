import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { duplicateProblems, type Manifest } from '../../api/manifest.ts';
import { changeProblems } from '../../api/validate-resource.ts';
import type { Problem } from './manifest-file.ts';
import type { ObjectKey, Records } from './records.ts';

export interface Resources {
  connections: ArchiveConnection[];
  gateways: MailGateway[];
  archives: MailArchive[];
}

export type AnySpec = AnyResource['spec'];

/**
 * The objects of all manifests with what the records add: uid, generation, creation time and the status so far. Records
 * of objects that are gone are forgotten. As an API server would, it refuses a second object of one name, and a change
 * that is not allowed (the method); then the object stays as it was.
 */
export function resourcesOf(
  manifests: readonly Manifest[],
  records: Records<AnySpec, AnyStatus>,
): { resources: Resources; problems: Problem[] } {
  const resources: Resources = { connections: [], gateways: [], archives: [] };
  const problems: Problem[] = duplicateProblems(manifests);
  const unique = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const { kind, namespace, name } = recordKey(manifest.resource);
    const key = `${kind}/${namespace}/${name}`;
    if (!unique.has(key)) unique.set(key, manifest);
  }
  records.keepOnly([...unique.values()].map(({ resource }) => recordKey(resource)));

  for (const { resource, file, line, column } of unique.values()) {
    const key = recordKey(resource);
    const before = records.spec(key);
    // The spec that was recorded under this key is of this kind.
    const refused = before === undefined ? [] : changeProblems({ ...resource, spec: before } as AnyResource, resource);
    problems.push(...refused.map(({ message }) => ({ file, line, column, message })));
    const spec = refused.length > 0 && before !== undefined ? before : resource.spec;
    const { uid, creationTimestamp, generation, status } = records.of(key, spec);
    const whole = {
      ...resource,
      metadata: { ...resource.metadata, uid, creationTimestamp, generation },
      spec,
      ...(status !== undefined && { status }),
    } as AnyResource;
    switch (whole.kind) {
      case 'ArchiveConnection':
        resources.connections.push(whole);
        break;
      case 'MailGateway':
        resources.gateways.push(whole);
        break;
      case 'MailArchive':
        resources.archives.push(whole);
        break;
    }
  }
  return { resources, problems };
}

export function recordKey({ kind, metadata: { namespace, name } }: AnyResource): ObjectKey {
  return { kind, namespace, name };
}
