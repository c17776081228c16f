using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.TokenStores;

namespace Skipwise.Tests.Storage;

/// <summary>
/// The system refuses a step of writing, whichever it is and however .NET calls the refusal. Each writer tells it as an error of the
/// program that names the target, rather than with a stack trace.
/// </summary>
public sealed class RefusedStepTests : IDisposable
{
    private const string Target = "target";
    private readonly TempFolder _temp = new();

    private static readonly Dictionary<string, Action<string>> s_writers = new()
    {
        ["file"] = path => AtomicFile.WriteText(path, "new"),
        ["folder"] = path => AtomicFolder.Write(path, "model", inner => AtomicFile.WriteText(Path.Combine(inner, "one"), "new")),
        ["token store"] = path =>
        {
            using var writer = new TokenStoreWriter(path, 10, 1);
            writer.Append([1, 2]);
            writer.Complete();
        },
        ["log"] = path => MetricLog.Resume<int[]>(path, _ => true).Dispose(),
    };

    private static readonly Dictionary<string, Func<Exception>> s_refusals = new()
    {
        ["full"] = () => new IOException("No space left on device"),
        ["forbidden"] = () => new UnauthorizedAccessException("Access to the path is denied"),
    };

    public static TheoryData<string, string, bool> Cases =>
        [.. from writer in s_writers.Keys from refusal in s_refusals.Keys from replaces in (bool[])[false, true]
            select (writer, refusal, replaces)];

    public void Dispose() => _temp.Dispose();

    [Theory, MemberData(nameof(Cases))]
    public void Every_step_that_is_refused_is_an_error_that_names_the_target(string writer, string refusal, bool replaces)
    {
        int steps = 0, told = 0;
        for (bool refused = true; refused; steps++)
        {
            string path = _temp[$"{steps}/{Target}"];
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (replaces)
            {
                s_writers[writer](path);
            }
            int left = steps;
            FileSystem.Before.Value = (_, _) =>
            {
                if (left-- == 0)
                {
                    throw s_refusals[refusal]();
                }
            };
            Exception? error = Record.Exception(() => s_writers[writer](path));
            FileSystem.Before.Value = null;
            refused = left < 0;
            if (error is not null) // a step of tidying up may fail in silence
            {
                Assert.StartsWith(path, Assert.IsType<SkipwiseException>(error).Message);
                Assert.Contains(s_refusals[refusal]().Message, error.Message);
                told++;
            }
        }
        Assert.InRange(told, 3, steps);
    }
}
