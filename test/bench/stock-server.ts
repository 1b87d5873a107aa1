import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SMTPServer } from 'smtp-server';

export interface StockServer extends AsyncDisposable {
  port: number;
}

/**
 * What a receiver from the shelf would be: npm's smtp-server, a file per message, fsync before the 250. It tells nobody
 * of the file's name by syncing the folder, as Postfix does not either.
 */
export async function startStockServer(options: {
  certificate: string;
  privateKey: string;
  folder: string;
}): Promise<StockServer> {
  let count = 0;
  const server = new SMTPServer({
    cert: options.certificate,
    key: options.privateKey,
    authOptional: true,
    disabledCommands: ['AUTH'],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, _session, done) => {
      count += 1;
      // `flush` is fsync before close.
      const file = createWriteStream(join(options.folder, String(count)), { flags: 'wx', flush: true });
      pipeline(stream, file).then(
        () => done(),
        (error: Error) => done(error),
      );
    },
  });
  server.on('error', (error) => process.stderr.write(`smtp-server: ${error.message}\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
