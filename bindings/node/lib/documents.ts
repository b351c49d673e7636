/**
 * The documents of JetStream's control plane, under the server's own names. They are the server's:
 * members that are not declared here are sent and received as they are. Times without another unit
 * are nanoseconds, moments RFC 3339.
 */

/** A document whose members are not declared. */
export type Document = Record<string, any>;

/** What a document may have besides what is declared. */
interface Open {
  [member: string]: unknown;
}

/** The configuration of a stream. What is left out is the server's to choose. */
export interface StreamConfig extends Open {
  /** No spaces, dots, wildcards or path separators. */
  name: string;
  description?: string;
  /** The subjects whose messages it keeps. Default: the one of its name. */
  subjects?: string[];
  /** When messages go: at a limit, or when all or one of those who want them have had them. */
  retention?: "limits" | "interest" | "workqueue";
  storage?: "file" | "memory";
  /** What happens beyond the limits: the oldest messages go, or new ones are refused. */
  discard?: "old" | "new";
  discard_new_per_subject?: boolean;
  max_consumers?: number;
  max_msgs?: number;
  max_bytes?: number;
  /** In nanoseconds. */
  max_age?: number;
  max_msgs_per_subject?: number;
  max_msg_size?: number;
  /** How many servers keep the messages, 1 to 5. */
  num_replicas?: number;
  no_ack?: boolean;
  /** How long message ids are remembered, in nanoseconds. */
  duplicate_window?: number;
  placement?: Placement;
  mirror?: StreamSource;
  sources?: StreamSource[];
  sealed?: boolean;
  deny_delete?: boolean;
  deny_purge?: boolean;
  allow_rollup_hdrs?: boolean;
  allow_direct?: boolean;
  mirror_direct?: boolean;
  compression?: "none" | "s2";
  first_seq?: number;
  subject_transform?: SubjectTransform;
  republish?: { src?: string; dest: string; headers_only?: boolean };
  consumer_limits?: { inactive_threshold?: number; max_ack_pending?: number };
  metadata?: Record<string, string>;
  allow_msg_ttl?: boolean;
  /** In nanoseconds. */
  subject_delete_marker_ttl?: number;
  allow_msg_counter?: boolean;
  allow_atomic?: boolean;
  allow_msg_schedules?: boolean;
  allow_batched?: boolean;
  persist_mode?: "default" | "async";
}

/** Which servers keep a stream. */
export interface Placement {
  cluster?: string;
  tags?: string[];
  preferred?: string;
}

/** Another stream whose messages a stream has, too. */
export interface StreamSource extends Open {
  name: string;
  opt_start_seq?: number;
  opt_start_time?: string;
  filter_subject?: string;
  subject_transforms?: SubjectTransform[];
  external?: { api: string; deliver?: string };
  domain?: string;
}

/** Subjects that are stored under others. */
export interface SubjectTransform {
  src: string;
  dest: string;
}

/** A stream as it is. */
export interface StreamInfo extends Open {
  config: StreamConfig;
  created: string;
  state: StreamState;
  cluster?: ClusterInfo;
  mirror?: SourceInfo;
  sources?: SourceInfo[];
  alternates?: { name: string; domain?: string; cluster: string }[];
  ts?: string;
}

/** What a stream holds. */
export interface StreamState extends Open {
  messages: number;
  bytes: number;
  first_seq: number;
  first_ts: string;
  last_seq: number;
  last_ts: string;
  consumer_count: number;
  num_subjects?: number;
  num_deleted?: number;
  /** The sequences that are gone, when they were asked for. */
  deleted?: number[];
  /** Messages by subject, when they were asked for. */
  subjects?: Record<string, number>;
}

/** How far a stream is behind another one that it takes messages from. */
export interface SourceInfo extends Open {
  name: string;
  lag: number;
  active: number;
}

/** The servers that keep a stream or consumer. */
export interface ClusterInfo extends Open {
  name?: string;
  leader?: string;
  replicas?: { name: string; current: boolean; offline?: boolean; active: number; lag?: number }[];
}

/** The configuration of a consumer. What is left out is the server's to choose. */
export interface ConsumerConfig extends Open {
  name?: string;
  durable_name?: string;
  description?: string;
  deliver_subject?: string;
  deliver_group?: string;
  deliver_policy?:
    | "all"
    | "last"
    | "new"
    | "by_start_sequence"
    | "by_start_time"
    | "last_per_subject";
  opt_start_seq?: number;
  opt_start_time?: string;
  /** Which messages are to be acknowledged. Default: each. */
  ack_policy?: "explicit" | "none" | "all" | "flow_control";
  /** How long an acknowledgement is waited for, in nanoseconds. */
  ack_wait?: number;
  max_deliver?: number;
  /** Instead of `ack_wait`, for each delivery in turn. */
  backoff?: number[];
  filter_subject?: string;
  filter_subjects?: string[];
  replay_policy?: "instant" | "original";
  rate_limit_bps?: number;
  sample_freq?: string;
  max_waiting?: number;
  max_ack_pending?: number;
  flow_control?: boolean;
  idle_heartbeat?: number;
  headers_only?: boolean;
  max_batch?: number;
  max_expires?: number;
  max_bytes?: number;
  inactive_threshold?: number;
  num_replicas?: number;
  mem_storage?: boolean;
  metadata?: Record<string, string>;
  pause_until?: string;
  priority_groups?: string[];
  priority_policy?: "none" | "overflow" | "pinned_client" | "prioritized";
  priority_timeout?: number;
}

/** A consumer as it is. */
export interface ConsumerInfo extends Open {
  stream_name: string;
  name: string;
  created: string;
  config: ConsumerConfig;
  delivered: SequencePair;
  ack_floor: SequencePair;
  num_ack_pending: number;
  num_redelivered: number;
  num_waiting: number;
  num_pending: number;
  cluster?: ClusterInfo;
  push_bound?: boolean;
  paused?: boolean;
  /** In nanoseconds. */
  pause_remaining?: number;
  priority_groups?: { group: string; pinned_client_id?: string; pinned_ts?: string }[];
  ts?: string;
}

/** How far a consumer is. */
export interface SequencePair {
  consumer_seq: number;
  stream_seq: number;
  last_active?: string;
}

/** Whether a consumer is paused, and for how long. */
export interface PauseState {
  paused: boolean;
  pause_until?: string;
  /** In nanoseconds. */
  pause_remaining?: number;
}

/** What an account uses of JetStream, and what it may use. */
export interface AccountInfo extends Tier {
  domain?: string;
  api: { level?: number; total: number; errors: number; inflight?: number };
  tiers?: Record<string, Tier>;
}

/** The same by the number of replicas, where the server distinguishes. */
export interface Tier extends Open {
  memory: number;
  storage: number;
  reserved_memory: number;
  reserved_storage: number;
  streams: number;
  consumers: number;
  limits: Record<string, number | boolean>;
}

/** A message of a stream. */
export interface StoredMessage {
  subject: string;
  seq: number;
  time: string;
  /** The payload in base64. */
  data: string;
  hdrs: Record<string, string[]>;
}
