// Starts servers and tells where they are. With a user and a group id it becomes that user first.
import { startNats, startPostgres } from "test-servers";

const [uid, gid] = process.argv.slice(2).map(Number);
if (uid !== undefined && gid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

const postgres = await startPostgres();
const nats = await startNats();
process.send?.({
  uid: process.getuid?.(),
  url: postgres.url,
  dataDirectory: postgres.dataDirectory,
  storeDirectory: nats.storeDirectory,
  natsPort: nats.port,
});
process.once("message", () => {
  void Promise.all([postgres[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]).then(() => process.exit(0));
});
