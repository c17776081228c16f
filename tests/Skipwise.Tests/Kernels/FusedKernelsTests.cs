using System.Runtime.InteropServices;
using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Tests.Training;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>The blocks with a backward of their own, and the plain formulas with autograd's, give the same loss and gradients.</summary>
public class FusedKernelsTests
{
    [Theory]
    [InlineData(true), InlineData(false)]
    public void Loss_and_gradients_are_those_of_the_formulas(bool tied)
    {
        using CausalLM plain = TinyModel.Create(tied: tied, initializerRange: 0.05), fused = TinyModel.Create(tied: tied, initializerRange: 0.05);
        double expected, found;
        using (FusedKernels.UseReference())
        {
            expected = Loss(plain);
        }
        found = Loss(fused);
        Assert.Equal(1, found / expected, 1e-6);
        Same(plain, fused, 1e-5);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3)]
    public void Checkpointed_layers_change_no_bit(int every)
    {
        using CausalLM kept = TinyModel.Create(initializerRange: 0.05), again = TinyModel.Create(initializerRange: 0.05);
        Assert.Equal(Loss(kept), Loss(again, every));
        Same(kept, again, 0);
    }

    [Theory]
    [InlineData(null), InlineData(8), InlineData(4)]
    public void A_checkpointed_layer_draws_its_dropout_a_second_time(int? baseBits)
    {
        CausalLM Adapted()
        {
            CausalLM model = TinyModel.Create(initializerRange: 0.05);
            LoraInjector.Apply(model, new LoraOptions { Rank = 3, Dropout = 0.3, TargetModules = [LoraOptions.AllLinear], TrainNorms = true, QuantizationBits = baseBits }, seed: 5);
            using IDisposable _ = no_grad();
            foreach (var update in LoraInjector.LoraWeights(model))
            {
                update.B.fill_(0.1); // at its beginning, 0, no mask would reach A's gradient
            }
            return model;
        }
        double Masked(CausalLM model, int recomputeEvery, long place)
        {
            using IDisposable dropout = model.Dropout.ForMicroBatch(place);
            return Loss(model, recomputeEvery);
        }
        using CausalLM kept = Adapted(), again = Adapted(), other = Adapted();
        double loss = Masked(kept, 0, place: 7);
        Assert.Equal(loss, Masked(again, 1, place: 7));
        Same(kept, again, 0);
        Assert.NotEqual(loss, Masked(other, 1, place: 8));
    }

    [Theory]
    [InlineData(0), InlineData(1)]
    public void Packed_documents_train_as_they_do_alone(int recomputeEvery) => TrainsAlike(Examples(), recomputeEvery, config => config);

    /// <summary>Both kinds of layers keep documents apart: those that see everything and those that slide.</summary>
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2)]
    public void Packed_documents_train_as_they_do_alone_where_layers_slide(int firstSliding) =>
        TrainsAlike(Examples(), 0, config => config with { SlidingWindow = 4, FirstSlidingLayer = firstSliding });

    /// <summary>
    /// No document is longer than the original window, and together they are: each is rotated as it is alone, by the longest of them.
    /// </summary>
    [Theory]
    [InlineData(RopeType.DynamicNtk), InlineData(RopeType.LongRope)]
    public void Packed_documents_are_rotated_by_the_longest_of_them(RopeType type)
    {
        TrainingExample[] examples = [.. ((int[])[12, 7, 12, 9]).Select((length, i) => TinyModel.Tokens((ulong)i, length))
            .Select(ids => new TrainingExample(ids, [.. Enumerable.Range(0, ids.Length)], ids))];
        Assert.Equal(40, HostBatch.Packed(examples).Tokens);
        TrainsAlike(examples, 0, config => config with { Rope = TinyModel.Rope(type, original: 12) });
    }

    private static void TrainsAlike(TrainingExample[] examples, int recomputeEvery, Func<DecoderConfig, DecoderConfig> change)
    {
        long labels = HostBatch.Padded(examples).LabelCount;
        using CausalLM alone = TinyModel.Create(initializerRange: 0.05, change: change),
            packed = TinyModel.Create(initializerRange: 0.05, change: change);
        double expected = 0;
        foreach (TrainingExample example in examples)
        {
            using Batch one = Batch.Padded([example], CPU);
            expected += CausalLoss.Backward(alone, one, labels).ToDouble();
        }
        using Batch row = Batch.Packed(examples, CPU);
        Assert.Equal(1, row.InputIds.size(0));
        Assert.Equal(examples.Sum(example => example.InputIds.Length), row.Tokens);
        Assert.Equal(expected, CausalLoss.Backward(packed, row, labels, recomputeEvery).ToDouble(), 1e-4);
        Same(alone, packed, 1e-5);
    }

    [Fact]
    public void An_exception_in_a_backward_reaches_the_caller()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 3]).requires_grad_();
        Tensor loss = Broken.apply(Broken.apply(x, "early"), "late").sum();
        Assert.Equal("late", Assert.Throws<InvalidDataException>(() => FusedKernels.RethrowingBackward(() => loss.backward())).Message);
        FusedKernels.RethrowingBackward(() => (x * 2).sum().backward()); // it is told once
        Assert.Equal(12, x.grad!.sum().ToDouble());
    }

    /// <summary>A user's own loop knows nothing of <see cref="FusedKernels.RethrowingBackward"/>.</summary>
    [Fact]
    public void A_backward_of_a_users_own_does_not_lose_gradients_silently()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 3]).requires_grad_(), whole = ones([3]).requires_grad_();
        Tensor loss = (Broken.apply(x, "broken") * whole).sum();
        Assert.ThrowsAny<ExternalException>(() => loss.backward());
        Assert.Null(x.grad);
        FusedKernels.RethrowingBackward(() => (x * 2).sum().backward()); // and what failed there is not blamed on what comes after
    }

    [Fact]
    public void Two_trainings_side_by_side_get_their_own_exceptions()
    {
        using var bothHaveFailed = new Barrier(2);
        Exception? Fail(string message)
        {
            using var scope = NewDisposeScope();
            Tensor loss = Broken.apply(ones([2, 3]).requires_grad_(), message).sum();
            return Record.Exception(() => FusedKernels.RethrowingBackward(() =>
            {
                try
                {
                    loss.backward();
                }
                finally
                {
                    bothHaveFailed.SignalAndWait(TimeSpan.FromMinutes(1));
                }
            }));
        }
        string[] names = ["one", "other"];
        var failures = new Exception?[2];
        Thread[] threads = [.. names.Select((name, i) => new Thread(() => failures[i] = Fail(name)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(names, failures.Select(failure => Assert.IsType<InvalidDataException>(failure).Message));
    }

    private sealed class Broken : autograd.SingleTensorFunction<Broken>
    {
        public override string Name => nameof(Broken);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.set_materialize_grads(false);
            ctx.save_data("message", vars[1]);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            FusedKernels.RunBackward(1, 1, grad_output, () => throw new InvalidDataException((string)ctx.get_data("message")));
    }

    private static TrainingExample[] Examples() => new ExampleCursor(new RandomExamples(10, 5, 24)).Take(4);

    private static double Loss(CausalLM model, int recomputeEvery = 0)
    {
        using var scope = NewDisposeScope();
        using Batch batch = Batch.Padded(Examples(), CPU);
        return CausalLoss.Backward(model, batch, 40, recomputeEvery).ToDouble();
    }

    /// <param name="tolerance">of the largest element of each parameter's gradient</param>
    private static void Same(CausalLM expected, CausalLM found, double tolerance)
    {
        using var scope = NewDisposeScope();
        foreach (((string name, var one), (_, var other)) in expected.named_parameters().Zip(found.named_parameters()).Where(pair => pair.First.parameter.requires_grad))
        {
            double off = (one.grad! - other.grad!).abs().max().ToDouble(), largest = one.grad!.abs().max().ToDouble();
            Assert.True(largest > 0 && off <= tolerance * largest, $"{name}: {off} of {largest}");
        }
    }
}
