using Skipwise.Cli.Display;
using Skipwise.Distributed;
using Skipwise.Runs;
using Skipwise.Runtime;

namespace Skipwise.Cli;

/// <summary>
/// The processes of one job, if a launcher started several (mpirun, srun). Rank 0 alone prints; each says why it failed itself. They are
/// joined when a verb that several ranks work on begins its work: help and a wrong option start nothing.
/// </summary>
/// <param name="launcher">of this process</param>
internal sealed class Ranks(Launcher launcher)
{
    /// <summary>If all ranks fail alike, rank 0 ends the job before the others say the same.</summary>
    private static readonly TimeSpan s_moment = TimeSpan.FromSeconds(1.5), s_momentOfRank = TimeSpan.FromMilliseconds(20);

    /// <summary>Launchers lose what a process wrote just before it ends the job.</summary>
    private static readonly TimeSpan s_momentToRead = TimeSpan.FromMilliseconds(200);

    private const int RanksInTurn = 50;

    /// <summary>One process.</summary>
    public static Ranks None { get; } = new(new Launcher(LauncherKind.None, 0, 1, 0));

    private ICollective? _joined;

    /// <summary>Whether a launcher started several processes.</summary>
    public bool AreSeveral => _joined is { Size: > 1 } || launcher.StartsSeveral;

    /// <summary>Whether this is the rank that prints.</summary>
    public bool IsFirst => Number == 0;

    /// <summary>Whether the number of threads follows from the cores of each rank.</summary>
    public bool ChooseThreads { get; set; }

    private int Number => _joined?.Rank ?? launcher.Rank ?? 0;

    /// <summary>Joins the other ranks, and tells the user.</summary>
    /// <exception cref="SkipwiseException">they cannot be joined</exception>
    public ICollective Join(Screen screen) => Joined(screen, Collectives.Join(launcher));

    /// <summary>The same for a verb that may compute on a GPU.</summary>
    /// <param name="compute">the device asked for</param>
    /// <returns>with the options of this rank</returns>
    public (ICollective Ranks, ComputeOptions Compute) Join(Screen screen, ComputeOptions compute)
    {
        (ICollective joined, ComputeOptions own) = Collectives.Join(launcher, compute, ranks => _joined = ranks);
        return (Joined(screen, joined), own);
    }

    private ICollective Joined(Screen screen, ICollective joined)
    {
        _joined = joined;
        screen.IsMuted = !IsFirst;
        if (_joined.Size > 1)
        {
            var hosts = RankHosts.Of(_joined);
            if (ChooseThreads)
            {
                TorchThreads.SetCount(hosts.Threads()[_joined.Rank]);
            }
            screen.Note(hosts.Describe(_joined, _joined.AllGather(TorchThreads.Count)));
        }
        return _joined;
    }

    /// <summary>Says on rank 0 that a verb runs on it alone.</summary>
    public void TellAlone(Screen screen, string verb) => screen.Note(
        $"{verb} runs in one process: rank 0 of those that {launcher.Name} started; the others end at once");

    /// <summary>Ends the work of all ranks, once rank 0 has written everything.</summary>
    public void End()
    {
        _joined?.Barrier();
        _joined?.Dispose();
        _joined = null;
    }

    /// <summary>What a message of this rank begins with.</summary>
    public string Place => FormattableString.Invariant($"rank {Number} on {Environment.MachineName}: ");

    /// <summary>Says why this rank failed, and ends the job.</summary>
    /// <param name="run">the run folder; null if the verb has none</param>
    /// <param name="stop">cancelled when this process is asked to end</param>
    /// <returns>the exit code</returns>
    public int Fail(Screen screen, Exception error, string? run, CancellationToken stop)
    {
        string step = FailedStep.Of(error) is { } number ? FormattableString.Invariant($", step {number}") : "";
        (int rank, string host) = FailedRank.Of(error) ?? (Number, Environment.MachineName);
        return Fail(screen, place => Failure.Tell(screen, error, place, line =>
        {
            if (run is not null && AreSeveral && _joined is not null)
            {
                RankFiles.TryRecord(run, Number, line);
            }
        }), FormattableString.Invariant($"rank {rank} on {host}{step}: "), stop);
    }

    /// <summary>Lets this rank say why it failed, and ends the job.</summary>
    /// <param name="tell">says it; receives what its message begins with, and returns the exit code</param>
    /// <param name="place">the rank, its host and the step</param>
    /// <param name="stop">cancelled when this process is asked to end</param>
    /// <returns>the exit code</returns>
    public int Fail(Screen screen, Func<string, int> tell, string place, CancellationToken stop)
    {
        if (!AreSeveral)
        {
            return tell("");
        }
        screen.RunBegins(); // what follows takes longer than a process that is asked to end has otherwise
        if (!IsFirst)
        {
            // ranks that have not met yet are not at the same point either
            TimeSpan turn = (s_moment * (_joined is null ? 2 : 1)) + (Number % RanksInTurn * s_momentOfRank);
            if (stop.IsCancellationRequested)
            {
                Thread.Sleep(2 * turn);
            }
            else if (stop.WaitHandle.WaitOne(turn))
            {
                return ExitCode.Cancelled; // another rank has ended the job, and said why
            }
            screen.IsMuted = false;
        }
        bool isJoined = _joined is not null;
        int code = tell(isJoined || !IsFirst ? place : "");
        Thread.Sleep(s_momentToRead);
        if (isJoined)
        {
            _joined!.Abort(code);
        }
        else
        {
            LauncherAbort.TrySend(launcher, code);
        }
        return code;
    }
}
