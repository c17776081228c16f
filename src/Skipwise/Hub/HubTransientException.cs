namespace Skipwise.Hub;

/// <summary>A failure that may pass: a cut connection, a server that is busy. The message is a reason, to be put behind a colon.</summary>
/// <param name="retryAfter">how long the server asks to wait; null if it does not say</param>
internal sealed class HubTransientException(string message, Exception? inner = null, TimeSpan? retryAfter = null)
    : Exception(message, inner)
{
    public TimeSpan? RetryAfter => retryAfter;
}
