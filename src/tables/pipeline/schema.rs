//! The tables of pipelines as diesel sees them.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    pipeline_tasks (id) {
        id -> BigInt,
        app_id -> BigInt,
        sha256 -> Binary,
        file_id -> BigInt,
        name -> Text,
        origin -> Nullable<Text>,
        work_path -> Nullable<Text>,
        host -> Nullable<Text>,
        predecessor -> Nullable<BigInt>,
        state -> Text,
        stage -> Text,
        priority -> BigInt,
        created_at -> Timestamp,
        changed_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        not_before -> Nullable<Timestamp>,
        claimed_by -> Nullable<Text>,
        fence -> BigInt,
        attempts -> BigInt,
        deaths -> BigInt,
        error_kind -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

table! {
    pipeline_attempts (id) {
        id -> BigInt,
        task_id -> BigInt,
        stage -> Text,
        attempt -> BigInt,
        worker -> Text,
        host -> Text,
        runtime -> Nullable<Text>,
        started_at -> Timestamp,
        ended_at -> Timestamp,
        cpu_ms -> Nullable<BigInt>,
        memory_peak_kib -> Nullable<BigInt>,
        exit_code -> Nullable<BigInt>,
        signal -> Nullable<BigInt>,
        outcome -> Text,
        error -> Nullable<Text>,
        input_sha256 -> Nullable<Binary>,
        output_sha256 -> Nullable<Binary>,
        output -> Nullable<Text>,
        output_file -> Nullable<BigInt>,
    }
}

table! {
    pipeline_calls (task_id) {
        task_id -> BigInt,
        app_id -> BigInt,
        stage -> Text,
        attempt -> BigInt,
        fence -> BigInt,
        message_id -> Text,
        actor -> Text,
        queue -> Text,
        worker -> Text,
        host -> Text,
        runtime -> Nullable<Text>,
        sender -> Nullable<Text>,
        asked_at -> Timestamp,
        answer_until -> Timestamp,
        input_sha256 -> Nullable<Binary>,
    }
}

table! {
    pipeline_duplicates (id) {
        id -> BigInt,
        task_id -> BigInt,
        name -> Text,
        origin -> Nullable<Text>,
        seen_at -> Timestamp,
    }
}

table! {
    pipeline_counts (app_id) {
        app_id -> BigInt,
        found -> BigInt,
    }
}

table! {
    pipeline_blocks (app_id, stage) {
        app_id -> BigInt,
        stage -> Text,
        since -> Timestamp,
        reason -> Text,
        probes -> BigInt,
        probe_at -> Timestamp,
    }
}

table! {
    pipeline_workers (id) {
        id -> Text,
        app_id -> BigInt,
        runtime -> Nullable<Text>,
        host -> Text,
        boot_id -> Text,
        pid_namespace -> Nullable<Text>,
        pid -> BigInt,
        pid_started -> BigInt,
        started_at -> Timestamp,
        lease_until -> Timestamp,
    }
}

table! {
    pipeline_folders (app_id, host, folder) {
        app_id -> BigInt,
        host -> Text,
        folder -> Text,
        looked_at -> Timestamp,
        way -> Text,
        waiting_count -> BigInt,
        waiting -> Text,
        ignored -> BigInt,
        error -> Nullable<Text>,
    }
}

joinable!(pipeline_attempts -> pipeline_tasks (task_id));
joinable!(pipeline_duplicates -> pipeline_tasks (task_id));
allow_tables_to_appear_in_same_query!(pipeline_attempts, pipeline_tasks);
allow_tables_to_appear_in_same_query!(pipeline_calls, pipeline_workers);
allow_tables_to_appear_in_same_query!(pipeline_duplicates, pipeline_tasks);
