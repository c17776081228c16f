using System.Globalization;

namespace Skipwise.Hub;

/// <summary>Tries again what failed for a while, a bounded number of times.</summary>
/// <param name="note">told of every wait</param>
internal sealed class HubRetry(HubSettings settings, IProgress<string>? note)
{
    /// <summary>how often in a row something may fail, without any progress between</summary>
    public const int MostTries = 6;

    // A server that asks for more is full for the day: better told than waited for.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(10);

    /// <summary>Runs <paramref name="work"/> until it succeeds.</summary>
    /// <param name="what">names it in errors</param>
    /// <param name="position">a number that has grown if a try was of use: those tries do not count</param>
    /// <exception cref="SkipwiseException">it failed too often, or the server asks for too long a wait</exception>
    public async Task<T> Run<T>(string what, Func<Task<T>> work, Func<long> position, CancellationToken stop)
    {
        for (int failed = 0; ;)
        {
            long before = position();
            try
            {
                return await work();
            }
            catch (HubTransientException e)
            {
                stop.ThrowIfCancellationRequested();
                failed = position() > before ? 1 : failed + 1;
                TimeSpan wait = e.RetryAfter ?? TimeSpan.FromSeconds(1 << (failed - 1));
                if (failed >= MostTries)
                {
                    throw new SkipwiseException($"{what}: {e.Message}, {MostTries} times in a row. Check the connection and try again; " +
                        "what has been downloaded is kept", e);
                }
                if (wait > s_longestWait)
                {
                    throw new SkipwiseException($"{what}: {e.Message}, and asks to wait {Text(wait)}. Try again then; what has been " +
                        "downloaded is kept", e);
                }
                note?.Report($"{what}: {e.Message}; trying again in {Text(wait)}");
                await settings.Wait(wait, stop);
            }
        }
    }

    private static string Text(TimeSpan wait) => wait.TotalSeconds < 120
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(wait.TotalSeconds):0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(wait.TotalMinutes):0} min");
}
