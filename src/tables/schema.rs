//! The framework's own tables as diesel sees them; schema/ has the SQL. Of the codebooks it is that of
//! retentions alone; they and `example_table` are filled through the merge engine.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    app_groups (id) {
        id -> BigInt,
        sha -> Binary,
        archive -> Nullable<Timestamp>,
        date_created -> Timestamp,
        date_modified -> Nullable<Timestamp>,
        name -> Text,
    }
}

table! {
    app_parents (id) {
        id -> BigInt,
        sha -> Binary,
        archive -> Nullable<Timestamp>,
        date_created -> Timestamp,
        date_modified -> Nullable<Timestamp>,
        app_group_id -> BigInt,
        name -> Text,
    }
}

table! {
    apps (id) {
        id -> BigInt,
        sha -> Binary,
        archive -> Nullable<Timestamp>,
        date_created -> Timestamp,
        date_modified -> Nullable<Timestamp>,
        app_parent_id -> BigInt,
        name -> Text,
        app_type -> BigInt,
        definition -> Text,
        schedule -> Nullable<Text>,
        interval_ms -> Nullable<BigInt>,
        timezone -> Text,
        status -> BigInt,
        next_run -> Nullable<Timestamp>,
        last_run -> Nullable<Timestamp>,
        task_size -> Nullable<BigInt>,
        progress -> Nullable<Double>,
        solved -> BigInt,
        failed -> BigInt,
        eta -> Nullable<Timestamp>,
        fatal_flag -> BigInt,
        fatal_msg -> Nullable<Text>,
        fatal_time -> Nullable<Timestamp>,
        cmd_name -> Nullable<BigInt>,
        cmd_flag -> BigInt,
        cmd_by -> Nullable<Text>,
        cmd_time -> Nullable<Timestamp>,
        cmd_exec -> Nullable<Timestamp>,
        disable -> Bool,
        failures -> BigInt,
        next_run_wished -> Bool,
        retry_at -> Nullable<Timestamp>,
    }
}

table! {
    occurrences (id) {
        id -> BigInt,
        app_id -> BigInt,
        due_at -> Timestamp,
        state -> Text,
        reason -> Nullable<Text>,
        fence -> BigInt,
        claimed_by -> Nullable<Text>,
        claimed_at -> Nullable<Timestamp>,
        runtime -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
        attempts -> BigInt,
        not_before -> Nullable<Timestamp>,
    }
}

table! {
    app_labels (app_id, label) {
        app_id -> BigInt,
        label -> Text,
    }
}

table! {
    alarms (name) {
        name -> Text,
        set_by -> Text,
        set_at -> Timestamp,
        reason -> Nullable<Text>,
    }
}

table! {
    pauses (set_at) {
        set_at -> Timestamp,
        set_by -> Text,
        reason -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    runtime (id) {
        #[sql_name = "runtime"]
        id -> Text,
        app_id -> BigInt,
        code -> BigInt,
        started_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        exit_code -> Nullable<BigInt>,
        signal -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        exceptions -> BigInt,
        log_lines -> BigInt,
        cpu_user_ms -> BigInt,
        cpu_system_ms -> BigInt,
        memory_peak_kib -> BigInt,
        args -> Nullable<Text>,
        started_by -> Text,
        host -> Text,
        boot_id -> Nullable<Text>,
        pid -> Nullable<BigInt>,
        pid_started -> Nullable<BigInt>,
        task_size -> Nullable<BigInt>,
        solved -> BigInt,
        failed -> BigInt,
        http_requests -> BigInt,
        http_errors -> BigInt,
        http_mean_ms -> Nullable<Double>,
        http_p95_ms -> Nullable<Double>,
        captchas -> BigInt,
        captcha_cost -> Double,
        captcha_ms -> BigInt,
        pid_namespace -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        is_guess -> Bool,
    }
}

table! {
    logs (id) {
        id -> BigInt,
        runtime -> Nullable<Text>,
        app_id -> Nullable<BigInt>,
        time -> Timestamp,
        level -> BigInt,
        source -> Text,
        message -> Text,
        context -> Nullable<Text>,
    }
}

table! {
    log_streams (id) {
        id -> Text,
        stored -> BigInt,
        updated_at -> Timestamp,
    }
}

table! {
    app_functions (id) {
        id -> BigInt,
        sha -> Binary,
        archive -> Nullable<Timestamp>,
        date_created -> Timestamp,
        date_modified -> Nullable<Timestamp>,
        app_id -> BigInt,
        module -> Text,
        name -> Text,
    }
}

table! {
    function_log (id) {
        id -> BigInt,
        runtime -> Text,
        app_function_id -> BigInt,
        calls -> BigInt,
        solved -> BigInt,
        failed -> BigInt,
        success -> Bool,
        total_ms -> Double,
        mean_ms -> Double,
        median_ms -> Double,
        min_ms -> Double,
        max_ms -> Double,
        time -> Timestamp,
    }
}

table! {
    app_db_objects (id) {
        id -> BigInt,
        sha -> Binary,
        archive -> Nullable<Timestamp>,
        date_created -> Timestamp,
        date_modified -> Nullable<Timestamp>,
        app_id -> BigInt,
        database -> Text,
        schema_name -> Text,
        name -> Text,
        kind -> Text,
        reads -> Bool,
        writes -> Bool,
        last_seen -> Timestamp,
        last_runtime -> Text,
        rows_new -> BigInt,
        rows_changed -> BigInt,
        rows_gone -> BigInt,
    }
}

table! {
    command_log (id) {
        id -> BigInt,
        app_id -> Nullable<BigInt>,
        cmd_name -> BigInt,
        cmd_flag -> BigInt,
        cmd_by -> Text,
        cmd_time -> Timestamp,
        cmd_exec -> Nullable<Timestamp>,
        args -> Nullable<Text>,
        result -> Nullable<Text>,
        accepted_by -> Nullable<Text>,
        accepted_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
    }
}

table! {
    managers (id) {
        id -> Text,
        host -> Text,
        boot_id -> Text,
        pid -> BigInt,
        pid_started -> BigInt,
        version -> Text,
        started_by -> Text,
        started_at -> Timestamp,
        seen_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        stop_flag -> BigInt,
        pid_namespace -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        labels -> Text,
    }
}

table! {
    incidents (id) {
        id -> BigInt,
        started_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        failed -> BigInt,
        total -> BigInt,
    }
}

table! {
    outbox (id) {
        id -> Text,
        created_at -> Timestamp,
        severity -> BigInt,
        kind -> Text,
        app_id -> Nullable<BigInt>,
        subject -> Text,
        body -> Text,
    }
}

table! {
    channels (name) {
        name -> Text,
        since -> Timestamp,
        looked_at -> Timestamp,
        holder -> Nullable<Text>,
        held_until -> Nullable<Timestamp>,
        not_before -> Nullable<Timestamp>,
        failures -> BigInt,
        reason -> Nullable<Text>,
        sent_at -> Nullable<Timestamp>,
        broken_since -> Nullable<Timestamp>,
        refusals -> BigInt,
    }
}

table! {
    deliveries (channel, message_id) {
        channel -> Text,
        message_id -> Text,
        state -> Text,
        severity -> BigInt,
        digest -> Nullable<Text>,
        taken_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
        reason -> Nullable<Text>,
    }
}

table! {
    c_file_retention (id) {
        id -> BigInt,
        archive -> Nullable<Timestamp>,
        name -> Text,
        description -> Text,
        days -> Nullable<BigInt>,
    }
}

table! {
    stored_files (id) {
        id -> BigInt,
        app_id -> Nullable<BigInt>,
        runtime -> Nullable<Text>,
        sha256 -> Binary,
        name -> Text,
        extension -> Text,
        bytes -> BigInt,
        store -> Text,
        path -> Text,
        retention -> BigInt,
        kept_until -> Nullable<Timestamp>,
        held -> Nullable<Text>,
        held_by -> Nullable<Text>,
        held_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        checked_at -> Nullable<Timestamp>,
        fault -> Nullable<Text>,
        deleted_at -> Nullable<Timestamp>,
    }
}

table! {
    publications (id) {
        id -> BigInt,
        app_id -> BigInt,
        sha256 -> Binary,
        definition -> Text,
        files -> BigInt,
        bytes -> BigInt,
        published_at -> Timestamp,
        published_by -> Text,
        host -> Text,
        replaced_at -> Nullable<Timestamp>,
    }
}

table! {
    publication_files (publication_id, path) {
        publication_id -> BigInt,
        path -> Text,
        file_id -> BigInt,
        executable -> Bool,
    }
}

table! {
    publication_fetches (app_id, host) {
        app_id -> BigInt,
        host -> Text,
        publication_id -> BigInt,
        fetched_at -> Timestamp,
        error -> Nullable<Text>,
    }
}

table! {
    actor_workers (id) {
        id -> Text,
        host -> Text,
        boot_id -> Text,
        pid_namespace -> Nullable<Text>,
        pid -> BigInt,
        pid_started -> BigInt,
        queues -> Text,
        started_at -> Timestamp,
        lease_until -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    actor_messages (message_id) {
        message_id -> Text,
        queue -> Text,
        actor -> Text,
        state -> Text,
        retries -> BigInt,
        starts -> BigInt,
        deaths -> BigInt,
        worker -> Text,
        follow -> Nullable<Text>,
        reason -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

table! {
    parked_messages (message_id) {
        message_id -> Text,
        queue -> Text,
        body -> Text,
        due_at -> Timestamp,
        held_by -> Nullable<Text>,
        held_until -> Nullable<Timestamp>,
    }
}

joinable!(deliveries -> outbox (message_id));
joinable!(app_parents -> app_groups (app_group_id));
joinable!(apps -> app_parents (app_parent_id));
joinable!(runtime -> apps (app_id));
joinable!(occurrences -> apps (app_id));
joinable!(command_log -> apps (app_id));
joinable!(function_log -> app_functions (app_function_id));
joinable!(publications -> apps (app_id));
joinable!(publication_files -> publications (publication_id));
joinable!(publication_files -> stored_files (file_id));
table! {
    host_limits (host) {
        host -> Text,
        next_at -> Timestamp,
        alone_until -> Nullable<Timestamp>,
    }
}

table! {
    proxy_health (proxy, host) {
        proxy -> Text,
        host -> Text,
        strikes -> BigInt,
        free_at -> Timestamp,
        reason -> Text,
    }
}

table! {
    proxy_rests (domain, proxy) {
        domain -> Text,
        proxy -> Text,
        free_at -> Timestamp,
    }
}

allow_tables_to_appear_in_same_query!(app_groups, app_parents, apps, runtime, occurrences, command_log);
allow_tables_to_appear_in_same_query!(app_functions, function_log);
allow_tables_to_appear_in_same_query!(channels, deliveries, outbox);
allow_tables_to_appear_in_same_query!(apps, publications, publication_files, stored_files);
