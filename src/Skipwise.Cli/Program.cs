using Skipwise.Recipes;
Skipwise.Runtime.TorchBoot.Ensure();
var clock = System.Diagnostics.Stopwatch.StartNew();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
var o = Pretrain.Run(new PretrainOptions { Out = args[0] }, new SaveOptions { Every = 100, Resume = args.Length > 1 },
    new Relay<(string Stage, Skipwise.Training.StepMetrics M)>(p => { if (p.M.Step % 50 == 0) { Console.WriteLine($"{p.Stage} {p.M.Step} {clock.Elapsed.TotalSeconds:F0}s loss {p.M.Loss:F3} {p.M.TokensPerSecond:F0} tok/s epoch {p.M.Epoch:F2} live {p.M.LiveTensors}"); } }), stop.Token);
return o.Completed ? 0 : 130;
