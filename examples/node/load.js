// Loads records into PostgreSQL through Syncline, exactly once.
//
//   npm ci
//   node load.js --server 127.0.0.1:50051 --sync nightly-1 --schema shop --rows 100000
//
// If the program or the server is stopped, run it again with the same --sync: it continues after
// the last record that is durable. The API is read from ../../proto; nothing is generated.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import protobuf from 'protobufjs';

const PROTO = fileURLToPath(new URL('../../proto/', import.meta.url));
const SCHEMA = JSON.stringify({
  type: 'object',
  properties: { id: { type: 'integer' }, name: { type: 'string' } },
});
const BATCH_ROWS = 1000;
const WINDOW_ROWS = 50000; // records that may be sent and not yet durable
const RETRY_FOR_MS = 5 * 60 * 1000;

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: '127.0.0.1:50051' },
    sync: { type: 'string', default: 'node-example-1' },
    schema: { type: 'string', default: 'public' },
    rows: { type: 'string', default: '100000' },
  },
});
const rows = Number(options.rows);
const descriptor = { namespace: options.schema, name: 'node_users' };

// Offsets are read as numbers, which are exact up to 2^53.
const definition = protoLoader.loadSync('syncline/v1/sync_service.proto', {
  includeDirs: [PROTO],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
});
const { SyncService } = grpc.loadPackageDefinition(definition).syncline.v1;
const client = new SyncService(options.server, grpc.credentials.createInsecure());
const errorTypes = new protobuf.Root();
errorTypes.resolvePath = (origin, target) =>
  target.startsWith('google/protobuf/') ? target : PROTO + target;
errorTypes.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

// The source: record i is computed from i, so that it can start anywhere.
function makeBatch(first, end) {
  let lines = '';
  for (let id = first; id < end; id++) lines += `${JSON.stringify({ id, name: `user ${id}` })}\n`;
  return Buffer.from(lines);
}

// Returns the milliseconds to wait before the next attempt, or undefined if the error is final.
function retryDelay(error, attempt) {
  // A connection that breaks is also reported as CANCELLED or INTERNAL, without details.
  const broken = [grpc.status.CANCELLED, grpc.status.INTERNAL].includes(error.code);
  let retry = error.code === grpc.status.UNAVAILABLE;
  let delay = Math.min(100 * 2 ** attempt, 3000) * (0.5 + Math.random() / 2);
  const [encoded] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const details = encoded ? errorTypes.lookupType('google.rpc.Status').decode(encoded).details : [];
  if (details.length === 0) retry ||= broken;
  for (const { type_url: url, value } of details) {
    const type = url.slice(url.lastIndexOf('/') + 1);
    if (type === 'google.rpc.ErrorInfo') {
      const { reason } = errorTypes.lookupType(type).decode(value);
      if (reason === 'FENCED') return undefined; // another process loads with this sync id
      retry ||= reason === 'WRITERS_ACTIVE' || reason === 'SWAP_LOCKED';
    } else if (type === 'google.rpc.RetryInfo') {
      const { retryDelay: asked } = errorTypes.lookupType(type).decode(value);
      retry = true;
      delay = Math.max(delay, Number(asked?.seconds ?? 0) * 1000 + (asked?.nanos ?? 0) / 1e6);
    }
  }
  return retry ? delay : undefined;
}

function unary(method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

// Sends the records from number `durable` on. Returns when all are durable.
async function send(durable, epoch, progressed) {
  const call = client.AppendRecords();
  let acknowledged = durable;
  let failure;
  call.on('data', (answer) => {
    if (answer.durable_offset > acknowledged) {
      acknowledged = answer.durable_offset;
      progressed();
    }
    call.emit('acknowledged');
  });
  const ended = new Promise((resolve) => {
    call.on('error', (error) => {
      failure = error;
      resolve();
    });
    call.on('end', resolve);
  });
  // Waits for an event of the call, or for its end.
  const next = (event) => Promise.race([once(call, event).catch(() => {}), ended]);

  call.write({ header: { sync_id: options.sync, descriptor, expected_epoch: epoch } });
  for (let first = durable; first < rows && !failure; first += BATCH_ROWS) {
    while (first - acknowledged > WINDOW_ROWS && !failure) await next('acknowledged');
    const jsonl = makeBatch(first, Math.min(first + BATCH_ROWS, rows));
    // write() returns false while the server does not read.
    if (!call.write({ batch: { first_offset: first, jsonl } }) && !failure) await next('drain');
  }
  call.end();
  await ended;
  if (failure) throw failure;
}

// Makes one attempt: continues where the server is, and completes the stream.
async function load(progressed) {
  const plan = await unary('StartSync', {
    sync_id: options.sync,
    streams: [{ descriptor, json_schema: SCHEMA, write_mode: 'WRITE_MODE_APPEND' }],
  });
  const writer = plan.streams[0].writers.find((known) => known.writer_id === '');
  const durable = writer?.durable_offset ?? 0;
  if (durable < rows) await send(durable, writer?.epoch ?? 0, progressed);
  // If its answer is lost, the next attempt asks again and gets the first result.
  return unary('CompleteStream', {
    sync_id: options.sync,
    descriptor,
    status: 'STREAM_STATUS_COMPLETE',
    expected_records: rows,
  });
}

let attempt = 0;
let deadline = Date.now() + RETRY_FOR_MS;
for (;;) {
  try {
    const result = await load(() => {
      attempt = 0;
      deadline = Date.now() + RETRY_FOR_MS;
    });
    console.log(`${result.rows} rows, ${result.outcome}`);
    break;
  } catch (error) {
    const delay = retryDelay(error, attempt++);
    if (delay === undefined || Date.now() + delay > deadline) throw error;
    console.error(`next attempt in ${Math.round(delay)} ms: ${error.message}`);
    await sleep(delay);
  }
}
client.close();
