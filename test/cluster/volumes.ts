import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const VOLUMES = 24;
const SIZE = '20Gi';
const STORAGE_CLASS = 'local';

/**
 * Makes a folder for each of some volumes, and the objects that claims are bound to: PersistentVolumes `volume-01` and so
 * on, and the default StorageClass. A volume that was released stays as it is, so that what is in it can be looked at.
 *
 * They are of the type `local`, and not hostPath, which ignores a pod's fsGroup.
 */
export async function localVolumes(folder: string, node: string): Promise<object[]> {
  const names = Array.from({ length: VOLUMES }, (_, index) => `volume-${String(index + 1).padStart(2, '0')}`);
  for (const name of names) await mkdir(join(folder, name), { recursive: true });
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Retain',
  };
  const onNode = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] };
  const volumes = names.map((name) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: SIZE },
      accessModes: ['ReadWriteOnce', 'ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: STORAGE_CLASS,
      local: { path: join(folder, name) },
      nodeAffinity: { required: { nodeSelectorTerms: [onNode] } },
    },
  }));
  return [storageClass, ...volumes];
}
