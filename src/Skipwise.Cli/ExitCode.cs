namespace Skipwise.Cli;

/// <summary>What the process says when it ends.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    /// <summary>bad input, an impossible setting, a check that failed: the user can mend it</summary>
    public const int UserError = 1;
    /// <summary>a fault of Skipwise itself</summary>
    public const int InternalError = 2;
    /// <summary>interrupted, as shells report SIGINT</summary>
    public const int Cancelled = 130;
}
