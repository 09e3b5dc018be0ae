import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { arch, platform, version } from "node:process";
import Database from "better-sqlite3";
import type { MachineFacts } from "./report.ts";
import { percentile } from "./statistics.ts";

const FSYNCS = 200;
const GIB = 1024 ** 3;

/** Names of file systems by the number that the system gives them, and whether they are only memory. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x794c7630, "overlay"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);

/** Whether a directory lives in memory, where forcing to the disk costs nothing. */
export function isInMemory(directory: string): boolean {
  return ["tmpfs", "ramfs"].includes(fileSystemOf(directory));
}

/** What the figures depend on. `directory` is where the databases go. */
export function machineFacts(directory: string): Omit<MachineFacts, "servers"> {
  const fsyncsMs = timeFsyncs(join(directory, "fsync-probe"));
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / GIB),
    platform: `${platform} ${arch}`,
    node: version,
    sqlite: sqliteVersion(),
    fileSystem: fileSystemOf(directory),
    fsyncP50Ms: percentile(fsyncsMs, 50),
    fsyncP99Ms: percentile(fsyncsMs, 99),
    loadAverage: loadavg()[0] ?? 0,
  };
}

function timeFsyncs(path: string): readonly number[] {
  const page = Buffer.alloc(4_096, 1);
  const file = openSync(path, "w");
  try {
    return Array.from({ length: FSYNCS }, () => {
      const start = performance.now();
      writeSync(file, page);
      fsyncSync(file);
      return performance.now() - start;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

function sqliteVersion(): string {
  const database = new Database(":memory:");
  try {
    return database.prepare<[], string>("SELECT sqlite_version()").pluck().get() ?? "unknown";
  } finally {
    database.close();
  }
}

function fileSystemOf(directory: string): string {
  const { type } = statfsSync(directory);
  return FILE_SYSTEMS.get(type) ?? `0x${type.toString(16)}`;
}
