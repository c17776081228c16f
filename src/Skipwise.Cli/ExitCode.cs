namespace Skipwise.Cli;

/// <summary>What the process says when it ends. Documented in docs/command-line.md and in the help of the command.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    /// <summary>an option that is not understood, input that cannot be read, an impossible setting: the user can mend it</summary>
    public const int UserError = 1;
    /// <summary>a fault of Skipwise itself</summary>
    public const int InternalError = 2;
    /// <summary>the work was done, and a check failed: a gate of a comparison, logits that differ, a bar of the demo</summary>
    public const int CheckFailed = 3;
    /// <summary>interrupted, as shells report SIGINT</summary>
    public const int Cancelled = 130;

    /// <summary>The codes and their meaning, one line each, for help texts.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> All { get; } =
    [
        (Success, "success"),
        (UserError, "wrong usage or input: an unknown option, a file that cannot be read, an impossible setting"),
        (InternalError, "a fault of Skipwise: please report it"),
        (CheckFailed,
            "a check failed: a gate of 'eval all' or 'report', a criterion of 'demo', the logits of 'verify', 'export --check', " +
            "the libtorch of 'doctor'"),
        (Cancelled, "interrupted by Ctrl+C, SIGTERM or SIGHUP"),
    ];
}
