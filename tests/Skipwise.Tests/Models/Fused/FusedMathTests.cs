using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Fused;
using Skipwise.Models.Lora;
using Skipwise.Tests.Training;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models.Fused;

/// <summary>The blocks with a backward of their own, and the plain formulas with autograd's, give the same loss and gradients.</summary>
public class FusedMathTests
{
    [Theory]
    [InlineData(true), InlineData(false)]
    public void Loss_and_gradients_are_those_of_the_formulas(bool tied)
    {
        using CausalLM plain = TinyModel.Create(tied: tied, initializerRange: 0.05), fused = TinyModel.Create(tied: tied, initializerRange: 0.05);
        double expected, found;
        using (FusedMath.Off())
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
            Adaptation.Apply(model, new LoraOptions { Rank = 3, Dropout = 0.3, Targets = [LoraOptions.AllLinear], TrainNorms = true, BaseBits = baseBits }, seed: 5);
            using IDisposable _ = no_grad();
            foreach (var update in Adaptation.Updates(model))
            {
                update.B.fill_(0.1); // at its beginning, 0, no mask would reach A's gradient
            }
            return model;
        }
        double Masked(CausalLM model, int checkpointEvery, long place)
        {
            using IDisposable dropout = model.Dropout.For(place);
            return Loss(model, checkpointEvery);
        }
        using CausalLM kept = Adapted(), again = Adapted(), other = Adapted();
        double loss = Masked(kept, 0, place: 7);
        Assert.Equal(loss, Masked(again, 1, place: 7));
        Same(kept, again, 0);
        Assert.NotEqual(loss, Masked(other, 1, place: 8));
    }

    [Theory]
    [InlineData(0), InlineData(1)]
    public void Packed_documents_train_as_they_do_alone(int checkpointEvery)
    {
        TrainingExample[] examples = Examples();
        long labels = BatchArrays.Of(examples).Labels;
        using CausalLM alone = TinyModel.Create(initializerRange: 0.05), packed = TinyModel.Create(initializerRange: 0.05);
        double expected = 0;
        foreach (TrainingExample example in examples)
        {
            using Batch one = Batch.Of([example], CPU);
            expected += CausalLoss.Backward(alone, one, labels).ToDouble();
        }
        using Batch row = Batch.Packed(examples, CPU);
        Assert.Equal(1, row.InputIds.size(0));
        Assert.Equal(examples.Sum(example => example.InputIds.Length), row.Tokens);
        Assert.Equal(expected, CausalLoss.Backward(packed, row, labels, checkpointEvery).ToDouble(), 1e-4);
        Same(alone, packed, 1e-5);
    }

    [Fact]
    public void An_exception_in_a_backward_reaches_the_caller()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 3]).requires_grad_();
        Broken.apply(Broken.apply(x)).sum().backward();
        Assert.Throws<InvalidDataException>(FusedMath.ThrowIfFailed);
        FusedMath.ThrowIfFailed(); // only once
    }

    private sealed class Broken : autograd.SingleTensorFunction<Broken>
    {
        public override string Name => nameof(Broken);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.set_materialize_grads(false);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            FusedMath.Guarded(1, grad_output, () => throw new InvalidDataException("broken"));
    }

    private static TrainingExample[] Examples() => new ExampleCursor(new RandomExamples(10, 5, 24)).Take(4);

    private static double Loss(CausalLM model, int checkpointEvery = 0)
    {
        using var scope = NewDisposeScope();
        using Batch batch = Batch.Of(Examples(), CPU);
        return CausalLoss.Backward(model, batch, 40, checkpointEvery).ToDouble();
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
