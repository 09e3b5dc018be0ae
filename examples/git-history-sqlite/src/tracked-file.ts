import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";

/** Lines of a text file; `null` for a binary one. */
const lines = z.number().int().nonnegative().nullable();

/** What every event says: which commit did how much. */
const change = {
  path: z.string(),
  added: lines,
  removed: lines,
  commit: z.string(),
  author: z.string(),
  /** When the commit was written, ISO 8601 in UTC. */
  time: z.string(),
};

/** What can happen to a file in a git repository. */
export const fileEvents = defineEvents({
  FileAdded: z.object(change),
  FileChanged: z.object(change),
  FileRenamed: z.object({ ...change, from: z.string() }),
  FileDeleted: z.object(change),
  /** Added again: after its deletion, or by another branch as well. */
  FileRestored: z.object(change),
});

/**
 * A file with its whole history, renames included. Its commands record what git says. They refuse nothing that git has seen:
 * on one branch a file may be changed while another deletes it, and a log of both in one line must keep both.
 */
export const TrackedFile = defineAggregate({
  name: "file",
  events: fileEvents,
  state: z.object({
    path: z.string(),
    isPresent: z.boolean(),
    changes: z.number(),
    added: z.number(),
    removed: z.number(),
    lastAuthor: z.string(),
    lastCommit: z.string(),
    lastTime: z.string(),
  }),
  commands: {
    Add: z.object(change),
    Change: z.object(change),
    Rename: z.object({ ...change, from: z.string() }),
    Delete: z.object(change),
  },
  initialState: () => ({
    path: "",
    isPresent: false,
    changes: 0,
    added: 0,
    removed: 0,
    lastAuthor: "",
    lastCommit: "",
    lastTime: "",
  }),
  evolve: (state, { type, data }) => ({
    path: data.path,
    isPresent: type !== "FileDeleted",
    changes: state.changes + 1,
    added: state.added + (data.added ?? 0),
    removed: state.removed + (data.removed ?? 0),
    lastAuthor: data.author,
    lastCommit: data.commit,
    lastTime: data.time,
  }),
  decide: {
    Add: ({ data }, state) => ({ type: state.changes === 0 ? "FileAdded" : "FileRestored", data }),
    // A file that only a merge brought in is first seen when it is changed.
    Change: ({ data }, state) => ({ type: state.changes === 0 ? "FileAdded" : "FileChanged", data }),
    Rename: ({ data }) => ({ type: "FileRenamed", data }),
    Delete: ({ data }) => ({ type: "FileDeleted", data }),
  },
});

/** A file, as the repository loads it. */
export type TrackedFile = InstanceType<typeof TrackedFile>;
