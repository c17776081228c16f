using System.Diagnostics;
using System.Text.Json;
using ScottPlot;
using Skipwise.Distributed;
using Skipwise.Distributed.Mpi;
using Skipwise.Reports.Plots;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>An operation of a step: milliseconds since the step began.</summary>
/// <param name="Asked">when the training asked for it</param>
/// <param name="Begun">when MPI began</param>
/// <param name="Ended">when MPI ended</param>
internal sealed record RecordedOperation(string Name, double Mib, double Asked, double Begun, double Ended);

/// <summary>Records when operations are asked for, begin and end, and how much memory gradients take meanwhile.</summary>
internal sealed class RecordedCollective(ICollective inner) : ICollective
{
    private const int MostNamed = 8;
    private const string StepName = "step"; // its line in the file

    private readonly List<(MpiOperation Operation, long Bytes, long Asked)> _operations = [];
    private readonly List<Tensor> _reduced = [];
    private long _start;

    /// <summary>Bytes of gradients that are not on their way; null: unknown.</summary>
    public Func<long>? GradientBytes { get; set; }

    /// <summary>The most bytes of gradients that existed when an operation was asked for, with those on their way.</summary>
    public long PeakGradientBytes { get; private set; }

    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public int LocalRank => inner.LocalRank;

    public int LocalSize => inner.LocalSize;

    public string Description => inner.Description;

    public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) =>
        Recorded(() => inner.BroadcastAsync(tensor, root), tensor);

    public ICollectiveHandle AllReduceAsync(Tensor tensor) =>
        Reduced(() => inner.AllReduceAsync(tensor), tensor);

    public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) =>
        Reduced(() => inner.ReduceScatterAsync(input, output), input);

    public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output) =>
        Recorded(() => inner.AllGatherAsync(input, output), output);

    public ICollectiveHandle BarrierAsync() => inner.BarrierAsync();

    public void Abort(int exitCode) => inner.Abort(exitCode);

    public void Dispose() => inner.Dispose();

    /// <summary>A step begins.</summary>
    public void Clear()
    {
        _operations.Clear();
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>Writes the operations of the last step of rank 0, and their picture.</summary>
    public void Write(string path, double stepSeconds)
    {
        if (Rank > 0)
        {
            return;
        }
        double Milliseconds(long at) => Math.Round(Stopwatch.GetElapsedTime(_start, at).TotalMilliseconds, 2);
        RecordedOperation[] all = [.. _operations.Select(one => new RecordedOperation(
            one.Operation.Name, Math.Round(one.Bytes / (double)(1 << 20), 3), Milliseconds(one.Asked),
            Milliseconds(one.Operation.BegunAt), Milliseconds(one.Operation.EndedAt)))];
        var step = new RecordedOperation(StepName, 0, 0, 0, Math.Round(stepSeconds * 1000, 2));
        AtomicFile.WriteText(path, string.Concat(all.Append(step).Select(one => JsonSerializer.Serialize(one, BenchResult.Json) + "\n")));
        Draw(path);
    }

    /// <summary>Writes the picture of a written step beside its file.</summary>
    public static void Draw(string path)
    {
        ILookup<bool, RecordedOperation> all = File.ReadLines(path)
            .Select(line => JsonSerializer.Deserialize<RecordedOperation>(line, BenchResult.Json)!).ToLookup(one => one.Name == StepName);
        var figure = new Figure("What a training step exchanges, and when", look => Draw(look, [.. all[false]], all[true].Single().Ended));
        AtomicFile.WriteText(Path.ChangeExtension(path, ".svg"), figure.SvgFile(PlotLook.Light));
        AtomicFile.Write(Path.ChangeExtension(path, ".png"), file => file.Write(figure.Png(PlotLook.Light)));
    }

    private static Plot Draw(PlotLook look, RecordedOperation[] all, double step)
    {
        Plot plot = look.NewPlot("milliseconds of the step", "");
        RecordedOperation[] large = [.. all.Where(one => one.Mib > 0.01)];
        // the last gradient is complete when the last reduction is asked for; the update begins when the loss has been added up
        double backward = large.Where(one => one.Name is "all-reduce" or "reduce-scatter").Select(one => one.Asked)
            .DefaultIfEmpty(step).Max(); // one process has none
        double update = all.Where(one => one.Name == "all-reduce" && one.Asked >= backward).Select(one => one.Ended)
            .DefaultIfEmpty(step).Max();
        // operations are short beside a step: what comes long before the first large one is left out
        double first = large.Select(one => one.Begun).DefaultIfEmpty(0).Min(), left = Math.Max(0, first - (0.3 * (step - first)));
        Bar(left, backward, 3, 0, "forward and backward");
        Bar(update, step, 3, 1, "update of the weights");
        foreach ((RecordedOperation one, int index) in large.Select((one, index) => (one, index)))
        {
            double height = 2 - (0.35 * (index % 4));
            Bar(one.Begun, one.Ended, height, 2, index == 0 ? "gradients and weights on their way" : null);
            if (large.Length <= MostNamed)
            {
                ScottPlot.Plottables.Text name =
                    plot.Add.Text(FormattableString.Invariant($"{one.Name}, {one.Mib:0} MiB "), one.Begun, height);
                name.LabelAlignment = Alignment.MiddleRight;
                name.LabelFontColor = look.Ink;
                name.LabelFontSize = 12;
            }
        }
        plot.Axes.AutoScale();
        plot.Axes.SetLimits(left, right: step + (0.02 * (step - left)), bottom: 0.6, top: 3.6);
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual([3, 2], ["compute", "exchange"]);
        look.AddLegend(plot);
        return plot;

        void Bar(double from, double to, double height, int colour, string? label)
        {
            double least = (step - left) / 500; // to be seen
            ScottPlot.Plottables.Rectangle bar = plot.Add.Rectangle(from, Math.Max(to, from + least), height - 0.15, height + 0.15);
            bar.FillColor = SeriesStyle.Part(colour);
            bar.LineWidth = 0;
            if (label is not null)
            {
                bar.LegendText = label;
            }
        }
    }

    private ICollectiveHandle Reduced(Func<ICollectiveHandle> ask, Tensor tensor)
    {
        _reduced.RemoveAll(earlier => earlier.IsInvalid);
        _reduced.Add(tensor);
        PeakGradientBytes = Math.Max(
            PeakGradientBytes, _reduced.Sum(one => one.numel() * one.element_size()) + (GradientBytes?.Invoke() ?? 0));
        return Recorded(ask, tensor);
    }

    private ICollectiveHandle Recorded(Func<ICollectiveHandle> ask, Tensor tensor)
    {
        long asked = Stopwatch.GetTimestamp();
        ICollectiveHandle handle = ask();
        if (handle is MpiOperation operation)
        {
            _operations.Add((operation, tensor.numel() * tensor.element_size(), asked));
        }
        return handle;
    }
}
