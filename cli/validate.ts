import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Manifest, type ManifestProblem, parseManifests } from '../operator/api/manifest.ts';
import { oneOf, parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io, UsageError } from './io.ts';

const usage = `usage: mailhold validate FOLDER|FILE... [--for standalone|kubernetes]

Says what is wrong in manifests, with file, line and what to write instead; runs nothing.

  --for PLATFORM   check for running on this machine (default) or for Kubernetes
`;

/** `mailhold validate`. Exit code 1 where something is wrong. */
export async function validate(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, { for: { type: 'string', default: 'standalone' } });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const platform = oneOf('--for', values.for, ['standalone', 'kubernetes']);
  if (positionals.length === 0) throw new UsageError('name a folder or files with manifests.');
  const files = (await Promise.all(positionals.map(manifestFiles))).flat();
  const problems: ManifestProblem[] = [];
  const seen = new Map<string, Manifest>();
  for (const file of files) {
    const parsed = parseManifests(file, await readFile(file, 'utf8'), platform);
    problems.push(...parsed.problems);
    for (const manifest of parsed.objects) {
      const { kind, metadata } = manifest.resource;
      const key = `${kind} ${metadata.namespace}/${metadata.name}`;
      const first = seen.get(key);
      const { line, column } = manifest;
      if (first)
        problems.push({ file, line, column, message: `${key} stands at ${first.file}:${first.line} already.` });
      else seen.set(key, manifest);
    }
  }
  for (const { file, line, column, message } of problems) io.stderr.write(`${file}:${line}:${column}: ${message}\n`);
  io.stdout.write(`${seen.size} resources in ${files.length} files, ${problems.length} problems\n`);
  return problems.length === 0 ? ExitCode.ok : ExitCode.failed;
}

async function manifestFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = await readdir(path);
    return names
      .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(basename(name)))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${error instanceof Error && 'code' in error ? error.code : error}`);
  }
}
