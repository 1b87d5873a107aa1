import { BUCKETS } from '../bucket.ts';
import { connectionsFolder, connectionsSecretName, groupSecretName, statusTLSName } from './names.ts';

/** Where a worker finds what is mounted. */
export const CONFIGURATION_FOLDER = '/etc/mailhold/config';
export const STATUS_TLS_FOLDER = '/etc/mailhold/status-tls';
/** As operator/plan/worker-groups.ts names it in the group's configuration. */
const ARCHIVE_FOLDER = '/archive';

/** Read by the owner and by the group, which the pod's fsGroup makes that of the worker. */
const SECRET_MODE = 0o440;

interface MountedVolume {
  name: string;
  source: Readonly<Record<string, unknown>>;
  mountPath: string;
  readOnly?: true;
}

/**
 * The volumes of a worker's pod, and where its container has them.
 *
 * Which Secrets a pod mounts is fixed when the pod is made, so all sixteen buckets are mounted from the beginning, and
 * all are optional: a Secret that comes later shows in the running pod.
 *
 * @param workload name of the group's Deployment
 * @param claimName the archive's PersistentVolumeClaim, in the namespace of the gateway
 */
export function podVolumes(gateway: string, workload: string, claimName: string) {
  const all: MountedVolume[] = [
    secret('group', groupSecretName(workload), `${CONFIGURATION_FOLDER}/group`, { optional: true }),
    ...Array.from({ length: BUCKETS }, (_, bucket) => {
      const folder = connectionsFolder(bucket);
      return secret(folder, connectionsSecretName(workload, bucket), `${CONFIGURATION_FOLDER}/${folder}`, {
        optional: true,
      });
    }),
    // Without its keys a worker could tell nobody how it is, so the pod waits for them.
    secret('status-tls', statusTLSName(gateway), STATUS_TLS_FOLDER, {}),
    { name: 'archive', source: { persistentVolumeClaim: { claimName } }, mountPath: ARCHIVE_FOLDER },
    { name: 'tmp', source: { emptyDir: { sizeLimit: '64Mi' } }, mountPath: '/tmp' },
  ];
  return {
    volumes: all.map(({ name, source }) => ({ name, ...source })),
    volumeMounts: all.map(({ name, mountPath, readOnly }) => ({ name, mountPath, ...(readOnly && { readOnly }) })),
  };
}

function secret(name: string, secretName: string, mountPath: string, more: { optional?: true }): MountedVolume {
  return { name, source: { secret: { secretName, defaultMode: SECRET_MODE, ...more } }, mountPath, readOnly: true };
}
