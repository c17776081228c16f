using Skipwise.Recipes;
Skipwise.Runtime.TorchBoot.Ensure();
var clock = System.Diagnostics.Stopwatch.StartNew();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
if (args[0] == "demo")
{
    var d = new DemoOptions { Model = args[1], Out = args[2], Seed = ulong.Parse(args[3]), Extension = int.Parse(args[4]), RopeFactor = double.Parse(args[5]), Rope = Skipwise.Rope.RopeTypeNames.Parse(args[6]), TrainingDocuments = 3200, Trials = int.Parse(args[9]) };
    d = d with { Training = d.Training with { Steps = int.Parse(args[7]), LearningRate = double.Parse(args[8]) } };
    var r = Demo.Run(d, new DemoProgress { Stage = new Relay<string>(s => Console.WriteLine($"[{clock.Elapsed.TotalSeconds:F0}s] {s}")), Training = new Relay<Skipwise.Training.StepMetrics>(m => { if (m.Step % 50 == 0) { Console.WriteLine($"  {m.Step} {m.Loss:F3} {m.TokensPerSecond:F0} tok/s"); } }) }, stop.Token);
    foreach (string v in Skipwise.Reports.DemoVariant.All)
    {
        Console.WriteLine($"{v,-13} ppl " + string.Join(" ", r.Perplexity.Where(p => p.Variant == v).Select(p => $"{p.Value:F2}±{p.StandardError:F2}")) + " | passkey " + string.Join(" ", r.Passkey.Where(p => p.Variant == v).Select(p => $"{p.Accuracy:F3}")));
    }
    foreach (var s in r.Seconds) { Console.WriteLine($"  {s.Key}: {s.Value}"); }
    return 0;
}
var o = Pretrain.Run(new PretrainOptions { Out = args[0] }, new SaveOptions { Every = 100, Resume = args.Length > 1 },
    new Relay<(string Stage, Skipwise.Training.StepMetrics M)>(p => { if (p.M.Step % 50 == 0) { Console.WriteLine($"{p.Stage} {p.M.Step} {clock.Elapsed.TotalSeconds:F0}s loss {p.M.Loss:F3} {p.M.TokensPerSecond:F0} tok/s epoch {p.M.Epoch:F2} live {p.M.LiveTensors}"); } }), stop.Token);
return o.Completed ? 0 : 130;
