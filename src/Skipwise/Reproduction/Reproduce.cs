using System.Text;
using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Reports;
using Skipwise.Runs;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>
/// Reproduces tables and figures of the paper on a small base model. What they need is trained and measured first, each model and number
/// once; a stopped run continues where it was, and what was run before takes seconds and gives the same bytes.
/// <code>
/// bases/HASH/                  bases that were pretrained
/// models/HASH/                 trained models; contract.json has the values that decide the bytes
/// measurements/HASH.json       measured numbers
/// table1/report.html, .md      tables, plots and verdicts of one experiment
/// table1/results.json          the same numbers for programs
/// table1/raw.jsonl             every measured value
/// report.html, .md             all experiments whose folder has the results of this scale
/// times.jsonl                  seconds of everything that was computed
/// </code>
/// </summary>
internal static class Reproduce
{
    /// <summary>Names of files.</summary>
    public const string ReportName = "report.html", ResultsName = "results.json", RawName = "raw.jsonl";

    private const string Kind = "reproduction";

    /// <summary>All experiments, in the order of the paper, then those beyond it.</summary>
    public static IReadOnlyList<IExperiment> All { get; } =
    [
        new Table1(), new Figure2(), new Figure3(), new Figure4(), new Table2(), new Table3(), new Table4(), new Table5(), new Figure5(),
        new Scalings(), new EndShare(), new DemoClaims(),
    ];

    /// <summary>Runs experiments and writes their files.</summary>
    /// <param name="collective">ranks that train and measure different models, of which rank 0 writes the reports; null: this process
    /// alone</param>
    /// <returns>the results of the experiments that were asked for; none on ranks above 0</returns>
    /// <exception cref="OperationCanceledException">stopped; the same call continues</exception>
    /// <exception cref="SkipwiseException">no experiment of that name; benchmarks that none runs, or whose files are missing; the folder
    /// holds something else, or another process works in it</exception>
    public static IReadOnlyList<ReproductionResult> Run(ReproductionOptions options, ReproductionProgress progress, CancellationToken stop,
        ICollective? collective = null)
    {
        ICollective ranks = collective ?? SingleProcess.Instance;
        OptionCheck.Require("Reproduction", options);
        IExperiment[] chosen = Chosen(options.Experiments);
        RequireBenchmarks(options.Benchmarks, chosen);
        using FolderClaim? claim = ranks.Rank == 0 ? Claim(options.Out) : null;
        RankFiles.Begin(ranks, options.Out);
        using var together = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var context = new ReproductionContext(options.Base, options.Out, options.EffectiveScale(), progress, together.Token,
            writesTimes: ranks.Rank == 0)
        {
            Benchmarks = options.Benchmarks,
        };
        Do(ranks, Planned(chosen, context), context, progress, together);
        IReadOnlyList<ReproductionResult> asked = [];
        ranks.OnFirst(() => asked = Report(chosen, context, stop));
        RankFiles.End(ranks, options.Out);
        return asked;
    }

    private static FolderClaim Claim(string folder)
    {
        AtomicFolder.RequireEmptyOrOwned(folder, Kind, ignored: FolderClaim.LockName);
        var claim = FolderClaim.Acquire(folder, OptionName.Of(nameof(ReproductionOptions.Out)));
        try
        {
            // the runs and the reports in it keep lists of their own
            new FolderManifest(Kind, new Dictionary<string, FileChecksum>()).Write(folder);
            return claim;
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    /// <summary>Makes the results of what was computed, and writes them.</summary>
    private static List<ReproductionResult> Report(IExperiment[] chosen, ReproductionContext context, CancellationToken stop)
    {
        List<ReproductionResult> asked = [], all = [];
        foreach (IExperiment experiment in All)
        {
            bool isChosen = chosen.Contains(experiment);
            string folder = Path.Combine(context.Out, experiment.Name);
            if (!isChosen && !(Directory.Exists(folder) && experiment.Plan(context).All(work => work.IsDone())))
            {
                continue; // was not run, or not at this scale
            }
            stop.ThrowIfCancellationRequested();
            ReproductionResult result = Result(experiment, context);
            if (isChosen)
            {
                Write(result, folder);
                asked.Add(result);
            }
            if (isChosen || IsKept(result, folder))
            {
                all.Add(result);
            }
        }
        ReportFiles.Write(Path.Combine(context.Out, ReportName), ReproductionReport.Build(all));
        return asked;
    }

    private static void RequireBenchmarks(string? folder, IExperiment[] chosen)
    {
        if (folder is null)
        {
            return;
        }
        if (!chosen.Any(experiment => experiment is Table3))
        {
            throw new SkipwiseException($"{OptionName.Of(nameof(ReproductionOptions.Benchmarks))} {folder}: none of " +
                $"{string.Join(", ", chosen.Select(experiment => experiment.Name))} runs benchmarks, table3 does. Add table3 to " +
                $"{OptionName.Of(nameof(ReproductionOptions.Experiments))}, or leave the folder out.");
        }
        ReproductionContext.RequireBenchmarks(folder);
    }

    private static ReproductionResult Result(IExperiment experiment, ReproductionContext context)
    {
        Findings found = experiment.Run(context);
        return new()
        {
            Name = experiment.Name,
            Title = experiment.Title,
            Scale = context.Scale.Name,
            Seeds = found.Seeds ?? context.Scale.Seeds,
            Protocol = found.Protocol,
            Paper = experiment.Paper,
            Tables = found.Tables,
            Verdicts = found.Verdicts,
            Plots = found.Plots,
            RawLines = found.RawLines,
        };
    }

    /// <summary>Whether an earlier run left the same result: not one of another scale, nor one with benchmarks where this run has
    /// none.</summary>
    private static bool IsKept(ReproductionResult result, string folder)
    {
        string path = Path.Combine(folder, ResultsName);
        return File.Exists(path) && TextFile.Read(path) == Text(result);
    }

    /// <summary>All work of the experiments, each once; groups in the order of their first work.</summary>
    private static PlannedWork[] Planned(IExperiment[] chosen, ReproductionContext context) =>
    [
        .. chosen.SelectMany(experiment => experiment.Plan(context)).GroupBy(work => work.Key)
            // work of one key is done if it is for all that asked
            .Select(same => same.First() with { IsDone = () => same.All(work => work.IsDone()) })
            .GroupBy(work => work.Group).SelectMany(group => group),
    ];

    private static void Do(ICollective ranks, PlannedWork[] works, ReproductionContext context, ReproductionProgress progress,
        CancellationTokenSource stop)
    {
        ranks.RequireSame("the experiments, their scale or the base model", () => ContentHash.OfText(
            string.Join('\n', works.Select(work => FormattableString.Invariant($"{work.Key} {work.Size}")))), stop.Token);
        IReadOnlyList<IReadOnlyList<PlannedWork>> phases = ranks.Size == 1 ? [works]
            : DividedWork.OfRank(works, ranks.FromFirst(() => works.Select(work => work.IsDone()).ToArray()), ranks.Rank, ranks.Size);
        const long unit = 1000; // sizes are counted in thousands of tokens
        var jobs = new JobProgress(progress.Job,
            [.. phases.SelectMany(phase => phase).Select(work => (work.Task, (int)Math.Clamp(work.Size / unit, 1, int.MaxValue)))]);
        int given = 0;
        foreach (IReadOnlyList<PlannedWork> phase in phases)
        {
            try
            {
                ranks.Apart(() => Do(phase, jobs, stop.Token), stop);
            }
            catch (Exception e) when (e is OperationCanceledException || FailedRank.Of(e) is not null) // thrown on all ranks
            {
                GiveTimes();
                throw;
            }
            GiveTimes();
        }

        void GiveTimes()
        {
            WorkTime[] own = [.. context.Times.New.Skip(given)];
            given += own.Length;
            foreach (WorkTime[] others in ranks.AllGather(own).Skip(1))
            {
                context.Times.Add(others);
            }
        }
    }

    private static void Do(IReadOnlyList<PlannedWork> works, JobProgress jobs, CancellationToken stop)
    {
        foreach (PlannedWork work in works)
        {
            stop.ThrowIfCancellationRequested();
            bool isDone = work.IsDone();
            jobs.Begin(isDone);
            if (!isDone)
            {
                work.Do();
            }
        }
    }

    private static IExperiment[] Chosen(IReadOnlyList<string> names)
    {
        string[] unknown = [.. names.Where(name => All.All(experiment => experiment.Name != name))];
        return unknown.Length == 0
            ? [.. All.Where(experiment => names.Count == 0 || names.Contains(experiment.Name))]
            : throw new SkipwiseException(
                $"{OptionName.Of(nameof(ReproductionOptions.Experiments))} {string.Join(", ", unknown)}: no such " +
                $"experiment. There are {string.Join(", ", All.Select(known => known.Name))}.");
    }

    private static string Text(ReproductionResult result) => EvaluationJson.ToIndentedJson(result) + "\n";

    private static void Write(ReproductionResult result, string folder)
    {
        Directory.CreateDirectory(folder);
        var numbers = new OwnedFiles(Path.Combine(folder, Path.GetFileNameWithoutExtension(ResultsName) + OwnedFiles.Ending));
        numbers.Write(
        [
            (ResultsName, Encoding.UTF8.GetBytes(Text(result))),
            (RawName, Encoding.UTF8.GetBytes(string.Concat(result.RawLines.Select(line => line + "\n")))),
        ]);
        ReportFiles.Write(Path.Combine(folder, ReportName), ReproductionReport.Build([result]));
    }
}
