//! The status numbers. They are permanent: a number that is retired is not used again.

/// The call succeeded.
pub const KUBEPEERS_OK: i32 = 0;
/// A required pointer was NULL, or a number was out of range.
pub const KUBEPEERS_INVALID_ARGUMENT: i32 = -1;
/// A string was not UTF-8.
pub const KUBEPEERS_INVALID_UTF8: i32 = -2;
/// There is no such configuration key.
pub const KUBEPEERS_UNKNOWN_KEY: i32 = -3;
/// A configuration value is missing or invalid.
pub const KUBEPEERS_INVALID_CONFIG: i32 = -4;
/// The number is not a provider.
pub const KUBEPEERS_INVALID_HANDLE: i32 = -5;
/// The provider is closed.
pub const KUBEPEERS_CLOSED: i32 = -6;
/// The provider belongs to a parent process, or this process has closed the
/// library's descriptors.
pub const KUBEPEERS_FORKED: i32 = -7;
/// The `*provider` of kubepeers_init() is already an open provider.
pub const KUBEPEERS_ALREADY_INITIALIZED: i32 = -8;
/// The provider is 0.
pub const KUBEPEERS_NOT_INITIALIZED: i32 = -9;
/// The provider is already registered.
pub const KUBEPEERS_ALREADY_REGISTERED: i32 = -10;
/// The provider is not registered.
pub const KUBEPEERS_NOT_REGISTERED: i32 = -11;
/// The pods have not been listed yet. Usually retryable.
pub const KUBEPEERS_NOT_SYNCED: i32 = -12;
/// This pod is not among the listed pods yet, is not Running yet (see
/// `pending`), or has no address yet. Retryable.
pub const KUBEPEERS_SELF_NOT_VISIBLE: i32 = -13;
/// This pod cannot be a peer; kubepeers_discover_peers() lists the reasons.
pub const KUBEPEERS_SELF_EXCLUDED: i32 = -14;
/// The peers that the call waited for did not appear in time. Usually retryable.
pub const KUBEPEERS_TIMEOUT: i32 = -15;
/// There is no API server to contact: the process is not in a cluster, and the
/// key `kubeconfig` is not set.
pub const KUBEPEERS_NOT_IN_CLUSTER: i32 = -16;
/// The token, CA, namespace or kubeconfig is missing or unusable.
pub const KUBEPEERS_NO_CREDENTIALS: i32 = -17;
/// The pod that this process runs in cannot be identified.
pub const KUBEPEERS_NO_IDENTITY: i32 = -18;
/// The API server's certificate is not trusted, or TLS failed.
pub const KUBEPEERS_TLS: i32 = -19;
/// The API server rejects the credentials (401).
pub const KUBEPEERS_UNAUTHORIZED: i32 = -20;
/// The service account may not list or watch pods (403).
pub const KUBEPEERS_FORBIDDEN: i32 = -21;
/// There are no file descriptors, threads or providers left. Retryable.
pub const KUBEPEERS_NO_RESOURCES: i32 = -22;
/// The API server is unreachable, does not answer or reports a failure. Only
/// the error of kubepeers_health_error() has this status.
pub const KUBEPEERS_UNAVAILABLE: i32 = -23;
/// The result is older than `max_stale_ms`, or older than the call of
/// kubepeers_refresh(), and no new list has arrived in time. Usually retryable.
pub const KUBEPEERS_STALE: i32 = -24;
/// The library itself has failed. The process is not harmed. Deregister or close
/// the provider.
pub const KUBEPEERS_INTERNAL: i32 = -99;

/// What a call ended with, as a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs)] // Each is documented at its number.
pub enum Status {
    Ok = KUBEPEERS_OK,
    InvalidArgument = KUBEPEERS_INVALID_ARGUMENT,
    InvalidUtf8 = KUBEPEERS_INVALID_UTF8,
    UnknownKey = KUBEPEERS_UNKNOWN_KEY,
    InvalidConfig = KUBEPEERS_INVALID_CONFIG,
    InvalidHandle = KUBEPEERS_INVALID_HANDLE,
    Closed = KUBEPEERS_CLOSED,
    Forked = KUBEPEERS_FORKED,
    AlreadyInitialized = KUBEPEERS_ALREADY_INITIALIZED,
    NotInitialized = KUBEPEERS_NOT_INITIALIZED,
    AlreadyRegistered = KUBEPEERS_ALREADY_REGISTERED,
    NotRegistered = KUBEPEERS_NOT_REGISTERED,
    NotSynced = KUBEPEERS_NOT_SYNCED,
    SelfNotVisible = KUBEPEERS_SELF_NOT_VISIBLE,
    SelfExcluded = KUBEPEERS_SELF_EXCLUDED,
    Timeout = KUBEPEERS_TIMEOUT,
    NotInCluster = KUBEPEERS_NOT_IN_CLUSTER,
    NoCredentials = KUBEPEERS_NO_CREDENTIALS,
    NoIdentity = KUBEPEERS_NO_IDENTITY,
    Tls = KUBEPEERS_TLS,
    Unauthorized = KUBEPEERS_UNAUTHORIZED,
    Forbidden = KUBEPEERS_FORBIDDEN,
    NoResources = KUBEPEERS_NO_RESOURCES,
    Unavailable = KUBEPEERS_UNAVAILABLE,
    Stale = KUBEPEERS_STALE,
    Internal = KUBEPEERS_INTERNAL,
}

impl Status {
    /// Every status, in the order of the numbers.
    pub const ALL: [Status; 26] = [
        Status::Ok,
        Status::InvalidArgument,
        Status::InvalidUtf8,
        Status::UnknownKey,
        Status::InvalidConfig,
        Status::InvalidHandle,
        Status::Closed,
        Status::Forked,
        Status::AlreadyInitialized,
        Status::NotInitialized,
        Status::AlreadyRegistered,
        Status::NotRegistered,
        Status::NotSynced,
        Status::SelfNotVisible,
        Status::SelfExcluded,
        Status::Timeout,
        Status::NotInCluster,
        Status::NoCredentials,
        Status::NoIdentity,
        Status::Tls,
        Status::Unauthorized,
        Status::Forbidden,
        Status::NoResources,
        Status::Unavailable,
        Status::Stale,
        Status::Internal,
    ];

    /// The number of the C ABI.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The name without its prefix, the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::InvalidArgument => "INVALID_ARGUMENT",
            Status::InvalidUtf8 => "INVALID_UTF8",
            Status::UnknownKey => "UNKNOWN_KEY",
            Status::InvalidConfig => "INVALID_CONFIG",
            Status::InvalidHandle => "INVALID_HANDLE",
            Status::Closed => "CLOSED",
            Status::Forked => "FORKED",
            Status::AlreadyInitialized => "ALREADY_INITIALIZED",
            Status::NotInitialized => "NOT_INITIALIZED",
            Status::AlreadyRegistered => "ALREADY_REGISTERED",
            Status::NotRegistered => "NOT_REGISTERED",
            Status::NotSynced => "NOT_SYNCED",
            Status::SelfNotVisible => "SELF_NOT_VISIBLE",
            Status::SelfExcluded => "SELF_EXCLUDED",
            Status::Timeout => "TIMEOUT",
            Status::NotInCluster => "NOT_IN_CLUSTER",
            Status::NoCredentials => "NO_CREDENTIALS",
            Status::NoIdentity => "NO_IDENTITY",
            Status::Tls => "TLS",
            Status::Unauthorized => "UNAUTHORIZED",
            Status::Forbidden => "FORBIDDEN",
            Status::NoResources => "NO_RESOURCES",
            Status::Unavailable => "UNAVAILABLE",
            Status::Stale => "STALE",
            Status::Internal => "INTERNAL",
        }
    }

    /// Returns whether the same call may succeed later without a change to the configuration, the
    /// cluster or the program.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Status::NotSynced
                | Status::SelfNotVisible
                | Status::Timeout
                | Status::NoResources
                | Status::Unavailable
                | Status::Stale
        )
    }
}
