/** `make demo`: Mailhold on the manifests of examples/demo, with a mail server, journal reports, and the lights. */
import { runDemo } from './run-demo.ts';

process.exitCode = await runDemo(process);
