#!/usr/bin/env node
import { codeOf } from '../errors.js';
import { runProgram } from './run-program.js';

// Whoever reads our output may have seen enough (`pgdrill status | head -3`).
process.stdout.on('error', (error) => {
  if (codeOf(error) !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runProgram(process.argv.slice(2));
