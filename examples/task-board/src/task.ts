import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";

const assignee = z.object({ assignee: z.string().min(1) });

/** What can happen to a task. */
export const taskEvents = defineEvents({
  TaskCreated: z.object({ title: z.string().min(1), assignee: z.string().min(1) }),
  TaskReassigned: assignee,
  TaskCompleted: z.object({}),
});

/** A task: it has a title, belongs to somebody, and is done at some time. */
export const Task = defineAggregate({
  name: "task",
  events: taskEvents,
  state: z.object({ assignee: z.string().optional(), isDone: z.boolean() }),
  commands: {
    Create: z.object({ title: z.string().min(1), assignee: z.string().min(1) }),
    Reassign: assignee,
    Complete: z.object({}),
  },
  initialState: () => ({ isDone: false }),
  evolve: {
    TaskCreated: (state, { data }) => ({ ...state, assignee: data.assignee }),
    TaskReassigned: (state, { data }) => ({ ...state, assignee: data.assignee }),
    TaskCompleted: (state) => ({ ...state, isDone: true }),
  },
  decide: {
    Create({ data }, state) {
      if (state.assignee !== undefined) throw new Error("the task exists already");
      return { type: "TaskCreated", data };
    },
    Reassign({ data }, state) {
      if (state.assignee === undefined) throw new Error("there is no such task");
      if (state.isDone) throw new Error("the task is done");
      return state.assignee === data.assignee ? [] : { type: "TaskReassigned", data };
    },
    Complete(_command, state) {
      if (state.assignee === undefined) throw new Error("there is no such task");
      return state.isDone ? [] : { type: "TaskCompleted", data: {} };
    },
  },
});
