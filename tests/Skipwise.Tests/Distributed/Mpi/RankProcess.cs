using System.Runtime.CompilerServices;
using Skipwise.Distributed;
using Skipwise.Runtime;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>A rank of a job that checks the operations: this assembly, started by mpirun.</summary>
internal static class RankProcess
{
    public const string Asked = "SKIPWISE_TEST_RANKS", Waits = "waits";

    /// <summary>What each rank says when all is as it should be.</summary>
    public static string Said(int rank, int size) => $"rank {rank} of {size}: all as expected";

    /// <summary>In the process that is asked: checks, tells and ends.</summary>
    public static void ServeIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Asked) is { Length: > 0 } kind)
        {
            Serve(kind == Waits);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Serve(bool waits)
    {
        TorchRuntime.Initialize(TorchRuntimeOptions.All);
        ICollective ranks = Collectives.Join(Launcher.Detect());
        try
        {
            CollectiveChecks.Run(ranks, waits);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"rank {ranks.Rank}: {e}");
            Console.Error.Flush();
            Thread.Sleep(200); // launchers lose what was written just before
            ranks.Abort(1);
            Environment.Exit(1);
        }
        Console.Out.WriteLine(Said(ranks.Rank, ranks.Size));
        Console.Out.Flush();
        ranks.Dispose();
        Environment.Exit(0);
    }
}
