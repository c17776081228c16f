namespace Skipwise;

/// <summary>
/// An error that the user can mend: bad input, an impossible setting, a broken file. The message names the place
/// (file, tensor, line or option), what was found against what was expected, and the remedy. The command line
/// prints the message alone and exits with code 1.
/// </summary>
public sealed class SkipwiseException : Exception
{
    /// <inheritdoc cref="Exception"/>
    public SkipwiseException(string message) : base(message) { }
    /// <inheritdoc cref="Exception"/>
    public SkipwiseException(string message, Exception inner) : base(message, inner) { }
    /// <inheritdoc cref="Exception"/>
    public SkipwiseException() : this("unknown error") { }
}
