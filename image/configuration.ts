import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { USER } from './root-files.ts';

/** What package.json says of the project. */
export interface Project {
  name: string;
  version: string;
  description: string;
  license: string;
}

export async function readProject(root: string): Promise<Project> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
}

/** The image, by the name that Kubernetes asks for: `mailhold:0.1.0`. */
export function imageName({ name, version }: Project): string {
  return `${name}:${version}`;
}

/**
 * The configuration of the image (OCI image specification, config.md). The Dockerfile says the same in its words.
 *
 * @param layers SHA-256 of each layer's tar file, in hex
 */
export function imageConfiguration(project: Project, layers: readonly string[]) {
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    // Of no build in particular: equal sources give an equal image.
    created: '1970-01-01T00:00:00Z',
    config: {
      User: `${USER}:${USER}`,
      WorkingDir: '/app',
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'NODE_ENV=production'],
      Entrypoint: ['mailhold'],
      StopSignal: 'SIGTERM',
      Labels: {
        'org.opencontainers.image.title': project.name,
        'org.opencontainers.image.description': project.description,
        'org.opencontainers.image.licenses': project.license,
        'org.opencontainers.image.version': project.version,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`) },
  };
}
