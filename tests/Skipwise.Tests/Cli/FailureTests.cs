using Skipwise.Cli;
using Skipwise.Cli.Display;
using Spectre.Console.Testing;

namespace Skipwise.Tests.Cli;

public class FailureTests
{
    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new SkipwiseException("config.json: broken"), 1, "error: config.json: broken" },
        { new IOException("No space left on device"), 1, "error: No space left on device" },
        { new UnauthorizedAccessException("Access to the path is denied."), 1, "error: Access to the path is denied." },
        { new InsufficientMemoryException("Insufficient memory."), 1, "error: out of memory" },
        { new OperationCanceledException(), 130, "cancelled" },
        { new InvalidOperationException("no such thing"), 2, "error: InvalidOperationException: no such thing" },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void The_exit_code_says_whose_fault_it_is(Exception failure, int code, string message)
    {
        using var error = new StringWriter();
        using var console = new TestConsole();
        Assert.Equal(code, Failure.Tell(new Screen(console, TextWriter.Null, error), failure));
        Assert.StartsWith(message, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_libtorch_cannot_have_is_the_users_affair()
    {
        Exception? refusal = Record.Exception(() => TorchSharp.torch.empty(1L << 59));
        Assert.NotNull(refusal);
        The_exit_code_says_whose_fault_it_is(refusal, 1, "error: out of memory");
    }
}
