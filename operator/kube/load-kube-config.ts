import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiError } from './api-error.ts';
import { printable } from './server-answer.ts';

const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Where the API server is and who we are there.
 *
 * @param file a kubeconfig file; where it is left out, the service account of the pod that this runs in
 * @throws ApiError CredentialsUnavailable
 */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (file === undefined) {
    // client-node would go on to a server on localhost, and the error would name that.
    if (!existsSync(TOKEN_FILE)) {
      throw new ApiError(
        'CredentialsUnavailable',
        'No kubeconfig was named, and this is no pod with a token of a service account; name a kubeconfig file.',
      );
    }
    kubeConfig.loadFromCluster();
    return kubeConfig;
  }
  try {
    kubeConfig.loadFromFile(file);
  } catch (error) {
    // The YAML reader's further lines quote the file, where keys and tokens are.
    const words = error instanceof Error ? printable(error.message.split('\n', 1)[0] ?? '') : '';
    throw new ApiError('CredentialsUnavailable', `The kubeconfig ${file} cannot be read: ${words}`, { cause: error });
  }
  return kubeConfig;
}
